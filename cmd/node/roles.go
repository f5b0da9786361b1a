package node

import (
	"net"
	"net/url"
	"slices"
	"strings"
)

// This file says which roles a process may have, and what each needs.

// has says whether the node has one of the roles.
func (c *Config) has(roles ...string) bool {
	return slices.ContainsFunc(roles, func(r string) bool { return slices.Contains(c.Roles, r) })
}

// whole says whether the node is an installation in one process.
func (c *Config) whole() bool {
	return !slices.ContainsFunc(AllRoles, func(r string) bool { return !c.has(r) })
}

// listener is an address that a node may listen on.
type listener struct {
	name, addr string
	role       string // whose it is; empty: every node's
}

func (c *Config) listeners() []listener {
	return []listener{
		{"listen.bids", c.Listen.Bids, RoleBidder}, {"listen.api", c.Listen.API, RoleAPI},
		{"listen.operations", c.Listen.Operations, ""}, {"pacing.listen", c.Pacing.Listen, RolePacer},
	}
}

// checkTogether checks what roles need of each other.
func (c *Config) checkTogether() error {
	roles := strings.Join(c.Roles, ",")
	switch {
	case c.EventLog.Backend == "local" && !c.whole():
		return wrong("roles", roles, "all roles: "+strings.Join(AllRoles, ",")+", where event_log.backend is local: one process has its directory; on kafka they may run apart")
	case c.has(RoleAttributor) && !c.has(RoleAPI):
		return wrong("roles", roles, "api beside attributor: its reports are read there")
	case c.has(RoleBidder) && !c.has(RolePacer) && len(c.Pacing.Pacers) == 0:
		return wrong("pacing.pacers", unquoted("none"), "the URLs of all pacers, for a bidder without one, such as [http://10.0.0.7:8083]")
	case !c.whole() && c.has(RoleBidder, RoleAPI) && c.Secrets.TokenKeysFile == "":
		return wrong("secrets.token_keys_file", c.Secrets.TokenKeysFile, "a file that all nodes share: a notice reaches any of them")
	case !c.whole() && c.has(RoleBidder, RoleAPI) && c.Secrets.UserKeyFile == "":
		return wrong("secrets.user_key_file", c.Secrets.UserKeyFile, "a file that all nodes share: users have one key")
	}
	return c.checkPacers()
}

// checkPacers checks where pacers are; beyond this machine they need a token.
func (c *Config) checkPacers() error {
	if err := c.checkPacingTLS(); err != nil {
		return err
	}
	beyond := ""
	for _, text := range c.Pacing.Pacers {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.RawQuery != "" || u.User != nil {
			return wrong("pacing.pacers", text, "scheme, host and port, such as http://10.0.0.7:8083")
		}
		if !loopback(u.Hostname()) {
			beyond = text
		}
	}
	if host, _, err := net.SplitHostPort(c.Pacing.Listen); c.has(RolePacer) && err == nil && !loopback(host) {
		beyond = c.Pacing.Listen
	}
	if beyond != "" && c.Pacing.TokenFile == "" {
		return wrong("pacing.token_file", c.Pacing.TokenFile, "a file with a secret of at least 16 characters, since "+beyond+" is beyond this machine")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
