package supply

import (
	"bytes"
	"fmt"
	"hash/maphash"
	"time"
)

// Snapshot is what one load of the cache directory knows. It is immutable and
// safe for concurrent use. A nil Snapshot knows nothing, and judges so.
type Snapshot struct {
	seed maphash.Seed
	// The file that rules a domain, by the domain's hash.
	web, apps map[uint64]owner
	// The app-ads.txt that rules an app, by the hash of STORE:BUNDLE or BUNDLE;
	// none where the developer's file is not known.
	bundles map[uint64]listID

	listings table // (list, advertising system, account); marked: DIRECT
	partners table // (list, INVENTORYPARTNERDOMAIN)

	systems map[uint64]struct{} // the advertising systems whose sellers.json is known
	sellers table               // (advertising system, seller id)
	facts   []sellerFacts       // of the seller in the same place

	report Report
}

// listID numbers the files by content: sites that serve the same text, as those
// of one sales house do, share one. The tables know it where the file is known.
type listID uint32

const noList listID = 0 // nothing is known

type owner struct {
	list  listID // noList: a file rules the domain, and it could not be had
	alone bool   // a public suffix: its file says nothing of the names below it
}

// sellerFacts are a seller's type in the low two bits, and above them 30 bits of
// its domain's hash, 0 where it is not known. Two domains share them with a
// chance of 2^-30, and then a broken chain goes unseen.
type sellerFacts uint32

func factsOf(t SellerType, domain uint64) sellerFacts {
	return sellerFacts(t) | sellerFacts(domain>>34)<<2
}

func (f sellerFacts) kind() SellerType { return SellerType(f & 3) }

func (f sellerFacts) hasDomain() bool { return f>>2 != 0 }

func (f sellerFacts) isDomain(h uint64) bool { return f>>2 == sellerFacts(h>>34) }

// hash is of a domain, an app or a seller, none of which holds the others' form.
func (s *Snapshot) hash(b []byte) uint64 { return maphash.Bytes(s.seed, b) }

// in ties a key to a list. The steps are those of splitmix64's finalizer: a
// bijection for each list, so two keys collide across lists by chance alone.
func (l listID) in(key uint64) uint64 {
	x := key ^ uint64(l)*0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// ruling returns the list that rules name, a domain in its compared form, or
// noList: that of its longest suffix with a file (see the package comment).
func (s *Snapshot) ruling(files map[uint64]owner, name []byte) listID {
	for whole := true; ; whole = false {
		if o, ok := files[s.hash(name)]; ok && (whole || !o.alone) {
			return o.list
		}
		_, rest, _ := bytes.Cut(name, []byte("."))
		if bytes.IndexByte(rest, '.') < 0 {
			return noList
		}
		name = rest
	}
}

// Report tells what a load found.
type Report struct {
	At         time.Time
	Sites      int   // domains with a known ads.txt
	Developers int   // domains with a known app-ads.txt
	Systems    int   // advertising systems with a known sellers.json
	Bundles    int   // rows of bundles.tsv
	Listings   int   // records of distinct ads.txt and app-ads.txt files
	Sellers    int   // entries of sellers.json files
	BadLines   int   // lines, entries and rows that could not be read, in files that are in force
	Bytes      int64 // that listings, partners and sellers take in memory

	// Files that are not in force. The first hundred are in Problems.
	Stale      int // last confirmed longer ago than the bound
	Broken     int // could not be read
	Undeclared int // of subdomains that the root domain's file does not name
	Never      int // asked for in vain so far
	Problems   []Problem
}

// Problem is a file that is not in force.
type Problem struct {
	File string // such as "ads.txt/example.com"
	Why  string
}

func (p Problem) String() string { return p.File + ": " + p.Why }

const maxProblems = 100

func (r *Report) problem(count *int, file string, format string, args ...any) {
	*count++
	if len(r.Problems) < maxProblems {
		r.Problems = append(r.Problems, Problem{file, fmt.Sprintf(format, args...)})
	}
}

// Report returns what the load found; its Problems are not to be changed.
func (s *Snapshot) Report() Report {
	if s == nil {
		return Report{}
	}
	return s.report
}
