package node

import "testing"

// A fresh installation has no campaign yet; whoever makes the first one must find it ready.
func TestANodeWithoutCampaignsGetsReady(t *testing.T) {
	start(t, emptyInstallation(t)) // waits for /readyz
}
