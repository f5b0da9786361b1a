// Package supply judges whether whoever offers an impression may sell it: by
// the ads.txt of the site or the app-ads.txt of the app's developer, by the
// sellers.json of the advertising systems on the way, and by the supply chain
// that the request shows. Fetch fills a cache directory, Load reads it into an
// immutable Snapshot, and Snapshot.Judge answers from memory on the way of a bid.
//
// # Sources
//
//   - ads.txt 1.1 (IAB Tech Lab, August 2022), cited as "ads.txt 3.1"
//   - app-ads.txt 1.0 (March 2019), cited as "app-ads.txt", with the section's name
//   - sellers.json 1.0 (July 2019), cited as "sellers.json"
//   - OpenRTB 2.6 sections 3.2.13 to 3.2.15, 3.2.25 and 3.2.26
//   - Supply Chain Validation: Implementation Guidance (IAB Tech Lab, GitHub,
//     read in November 2026), cited as "guidance"
//
// # The cache directory
//
//	ads.txt/example.com         one file for each domain, named by it
//	app-ads.txt/dev.example
//	sellers.json/exchange.example
//	bundles.tsv                 app -> developer, made by the operator
//	public_suffix_list.dat      optional: Mozilla's list, put there by the operator
//
// A file is what the server sent, after one line "#bidhawk {...}" that says
// where it came from, when it was last confirmed, until when it is fresh, and
// why the last attempt failed. A file without that line, such as one from
// another crawler, was confirmed when it was last modified. A line of
// bundles.tsv is BUNDLE or STORE:BUNDLE, a tab, and the developer's domain or
// URL as the store's listing has it: "play.google.com:com.example.game", where
// STORE is the host of app.storeurl (app-ads.txt, "Authoritative and canonical
// representation"). Lines that start with # are comments.
//
// # Which file rules a domain
//
// The file of the longest suffix of the domain that has one. So news.example.com
// is ruled by its own file only where the root domain's file names it as a
// SUBDOMAIN and it has one (ads.txt 5.5); else by example.com's. A subdomain that
// is named but whose file can't be had is not known, rather than judged by the
// root's. The root domain is the public suffix plus one label, by
// public_suffix_list.dat. Without that list a domain counts as a root where no
// parent of it has a file, and Fetch takes names as they are given to it, less
// "www.".
//
// An app's domain is its developer's, from bundles.tsv. app.domain, which the
// seller writes, stands in for it only where Rules.TrustAppDomain says so.
package supply

// Kind is one of the files that tell who may sell.
type Kind uint8

// The kinds.
const (
	AdsTxt Kind = iota
	AppAdsTxt
	SellersJSON
	kindCount
)

// String is the file's name: its path on a server, its folder in the cache.
func (k Kind) String() string {
	return [kindCount]string{"ads.txt", "app-ads.txt", "sellers.json"}[k]
}
