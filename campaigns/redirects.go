package campaigns

import (
	"net/url"
	"slices"
	"strings"
)

// maxRedirectDepth bounds how often an address is unescaped in search of others.
const maxRedirectDepth = 4

// RedirectHosts are the hosts that a click on address leads to: its own, and those
// of addresses within it, as ad servers' click trackers carry the page that they lead
// on to, escaped or not. Secure says that all of them are https.
func RedirectHosts(address string) (hosts []string, secure bool) {
	secure = true
	text := address
	for range maxRedirectDepth {
		lower := strings.ToLower(text)
		for at := 0; ; {
			i := strings.Index(lower[at:], "://")
			if i < 0 {
				break
			}
			at += i + len("://")
			scheme := lower[:at-len("://")]
			switch {
			case strings.HasSuffix(scheme, "https"):
			case strings.HasSuffix(scheme, "http"):
				secure = false
			default:
				continue // an app's own scheme, or a path
			}
			host := lower[at:]
			// What stands before an @ is no host; a browser would go to what follows.
			if end := strings.IndexAny(host, "/?#\\&\"'<> "); strings.Contains(host[:max(end, 0)], "@") || end < 0 && strings.Contains(host, "@") {
				secure = false
			}
			if end := strings.IndexFunc(host, func(r rune) bool { return r >= 0x80 || !isDomainByte(byte(r)) && r != '.' }); end >= 0 {
				host = host[:end]
			}
			if host = normalDomain(host); host != "" && !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
		next, err := url.QueryUnescape(text)
		if err != nil || next == text {
			return hosts, secure
		}
		text = next
	}
	return hosts, secure
}

// leadsElsewhere is the first host of a click that the advertiser did not register; "" where all
// are registered.
func (a *Advertiser) leadsElsewhere(address string) string {
	hosts, _ := RedirectHosts(address)
	for _, h := range hosts {
		if !slices.Contains(a.RedirectHosts, h) {
			return h
		}
	}
	return ""
}

// MayRedirect says whether a click may lead to address: every host on the way is
// registered with the advertiser, and https.
func (a *Advertiser) MayRedirect(address string) bool {
	hosts, secure := RedirectHosts(address)
	return secure && len(hosts) > 0 && a.leadsElsewhere(address) == ""
}
