package supply

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// DefaultMaxAge is how long a file holds after it was last confirmed. ads.txt
// 3.6 has a copy confirmed after 7 days; three more weeks let a server be down,
// for which ads.txt 3.1 wants the last good copy used.
const DefaultMaxAge = 28 * 24 * time.Hour

// maxEntries bounds the entries of a snapshot: 1 GB of listings, and 1.5 GB of sellers.
const maxEntries = 1 << 27

var errTooMany = fmt.Errorf("got more than %d entries; want at most that many", maxEntries)

// Load reads a cache directory; files last confirmed longer than DefaultMaxAge
// before now count as missing.
//
// A file that is stale, broken or not declared is left out and reported, and
// the others hold. An error means that the directory as a whole could not be
// read, or holds more than a snapshot may; the caller then keeps the last one.
func Load(dir string, now time.Time) (*Snapshot, error) {
	return LoadMaxAge(dir, now, DefaultMaxAge)
}

// LoadMaxAge is Load with a bound of its own for the age of files.
func LoadMaxAge(dir string, now time.Time, maxAge time.Duration) (*Snapshot, error) {
	if maxAge <= 0 {
		return nil, fmt.Errorf("supply: max age: got %v; want more than 0", maxAge)
	}
	if _, err := os.Stat(dir); err != nil {
		return nil, fmt.Errorf("supply: %w", err)
	}
	list, err := readSuffixes(dir)
	if err != nil {
		return nil, fmt.Errorf("supply: %w", err)
	}
	l := &loader{
		dir: dir, now: now, maxAge: maxAge, suffixes: list, byBody: make(map[[sha256.Size]byte]listID),
		s: &Snapshot{
			seed: maphash.MakeSeed(), web: make(map[uint64]owner), apps: make(map[uint64]owner),
			bundles: make(map[uint64]listID), systems: make(map[uint64]struct{}), report: Report{At: now},
		},
	}
	for _, step := range []func() error{l.sites, l.developers, l.sellersJSON, l.bundles} {
		if err := step(); err != nil {
			return nil, fmt.Errorf("supply: %w", err)
		}
	}
	l.finish()
	return l.s, nil
}

type loader struct {
	dir      string
	now      time.Time
	maxAge   time.Duration
	suffixes *suffixes
	s        *Snapshot
	byBody   map[[sha256.Size]byte]listID
	listings []uint64
	partners []uint64
	sellers  []sellerEntry
}

type sellerEntry struct {
	key   uint64
	facts sellerFacts
}

// site is what is known of one ads.txt or app-ads.txt.
type site struct {
	list       listID   // noList: it exists, or may, and could not be had
	subdomains []string // that it names
}

// each opens the files of one kind whose body is known and fresh. lost is called
// for the others, other than those of servers that have none.
func (l *loader) each(k Kind, use func(name string, body io.Reader) error, lost func(name string)) error {
	r := &l.s.report
	entries, err := os.ReadDir(filepath.Join(l.dir, k.String()))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	for _, e := range entries {
		name, ok := domainOf(e.Name())
		file := k.String() + "/" + e.Name()
		if strings.HasPrefix(e.Name(), tempPrefix) {
			continue
		}
		if !ok || name != e.Name() || !e.Type().IsRegular() {
			r.problem(&r.Broken, file, "got no file named by a domain in lower case")
			continue
		}
		err := l.one(filepath.Join(l.dir, file), file, func(body io.Reader) error { return use(name, body) }, func() { lost(name) })
		if err != nil {
			return err
		}
	}
	return nil
}

func (l *loader) one(path, file string, use func(io.Reader) error, lost func()) error {
	r := &l.s.report
	c, err := openCache(path)
	if err != nil {
		r.problem(&r.Broken, file, "%v", err)
		lost()
		return nil
	}
	defer c.Close()
	switch age := l.now.Sub(c.Checked); {
	case c.Checked.IsZero():
		r.problem(&r.Never, file, "%s", c.Why)
		lost()
	case age > l.maxAge:
		r.problem(&r.Stale, file, "last confirmed %v ago; want at most %v", age.Round(time.Hour), l.maxAge)
		lost()
	case c.Absent: // nothing is declared, which is as if nothing were known
	default:
		if err := use(c); errors.Is(err, errTooMany) {
			return err
		} else if err != nil {
			r.problem(&r.Broken, file, "%v", err)
			lost()
		}
	}
	return nil
}

// texts reads the files of one kind into listings.
func (l *loader) texts(k Kind) (map[string]site, error) {
	files := make(map[string]site)
	err := l.each(k, func(name string, body io.Reader) error {
		b, err := io.ReadAll(io.LimitReader(body, maxTextBytes+1))
		if err != nil {
			return err
		}
		a, err := ParseAdsTxt(b)
		if err != nil {
			return err
		}
		id, err := l.list(sha256.Sum256(b), a)
		files[name] = site{list: id, subdomains: a.Subdomains}
		return err
	}, func(name string) { files[name] = site{} })
	return files, err
}

// list adds the records of a file, unless a file with the same text did.
func (l *loader) list(sum [sha256.Size]byte, a *Authorised) (listID, error) {
	if id, ok := l.byBody[sum]; ok {
		return id, nil
	}
	if len(l.listings)+len(a.Records) > maxEntries || len(l.partners)+len(a.Partners) > maxEntries ||
		len(l.byBody) == math.MaxUint32-1 {
		return noList, errTooMany
	}
	id := listID(len(l.byBody) + 1)
	l.byBody[sum] = id
	for i := range a.Records {
		r := &a.Records[i]
		// The parser keeps none that is not well-formed.
		key := id.in(identify(l.s, r.AdSystem, r.Account).key) &^ 1
		if r.Relation == Direct {
			key |= 1
		}
		l.listings = append(l.listings, key)
	}
	for _, p := range a.Partners {
		l.partners = append(l.partners, id.in(l.s.hash([]byte(p))))
	}
	l.s.report.BadLines += a.BadLines
	return id, nil
}

// sites decides which ads.txt files rule: those of root domains, and those of
// the subdomains that these name.
func (l *loader) sites() error {
	files, err := l.texts(AdsTxt)
	if err != nil {
		return err
	}
	r := &l.s.report
	for name, f := range files {
		o := owner{list: f.list}
		root, ok := l.rootOf(name, files)
		switch above, known := files[root]; {
		case !ok:
			o.alone = true
		case root == name:
		case !known || above.list != noList && !slices.Contains(above.subdomains, name):
			if f.list != noList {
				r.problem(&r.Undeclared, AdsTxt.String()+"/"+name, "is no SUBDOMAIN of ads.txt/%s", root)
			}
			continue
		}
		l.s.web[l.s.hash([]byte(name))] = o
		if o.list != noList {
			r.Sites++
		}
		for _, sub := range f.subdomains {
			if root == name && under(sub, name) && sub != name {
				l.unread(sub, files)
			}
		}
	}
	return nil
}

// unread keeps a subdomain's place where it is named and no attempt at its file
// was made yet: until then nobody knows who may sell there.
func (l *loader) unread(sub string, files map[string]site) {
	if _, known := files[sub]; known {
		return
	}
	if _, err := os.Stat(filepath.Join(l.dir, AdsTxt.String(), sub)); errors.Is(err, fs.ErrNotExist) {
		l.s.web[l.s.hash([]byte(sub))] = owner{}
	}
}

// rootOf is the root domain of name; without a public suffix list, the shortest
// of its parents that has a file, or itself.
func (l *loader) rootOf(name string, files map[string]site) (string, bool) {
	if l.suffixes != nil {
		return l.suffixes.root(name)
	}
	root := name
	for p := parent(name); p != ""; p = parent(p) {
		if f, ok := files[p]; ok && f.list != noList {
			root = p
		}
	}
	return root, true
}

// developers takes the app-ads.txt files; SUBDOMAIN is not used there
// (app-ads.txt, "Publish an app-ads.txt file").
func (l *loader) developers() error {
	files, err := l.texts(AppAdsTxt)
	if err != nil {
		return err
	}
	for name, f := range files {
		_, ok := l.suffixes.root(name)
		l.s.apps[l.s.hash([]byte(name))] = owner{list: f.list, alone: !ok}
		if f.list != noList {
			l.s.report.Developers++
		}
	}
	return nil
}

func (l *loader) sellersJSON() error {
	s := l.s
	return l.each(SellersJSON, func(name string, body io.Reader) error {
		start := len(l.sellers)
		sum, err := ParseSellers(body, func(e *Seller) error {
			if len(l.sellers) == maxEntries {
				return errTooMany
			}
			var domain uint64
			if e.Domain != "" {
				d, _ := l.suffixes.root(e.Domain)
				if d == "" {
					d = e.Domain
				}
				domain = s.hash([]byte(d))
			}
			l.sellers = append(l.sellers, sellerEntry{identify(s, name, e.ID).key &^ 1, factsOf(e.Type, domain)})
			return nil
		})
		if err != nil {
			l.sellers = l.sellers[:start]
			return err
		}
		s.systems[s.hash([]byte(name))] = struct{}{}
		s.report.BadLines += sum.Bad
		return nil
	}, func(string) {})
}

func (l *loader) bundles() error {
	s := l.s
	bad, err := readBundles(l.dir, func(app, host string) {
		name, _ := l.suffixes.developer(host)
		s.bundles[s.hash([]byte(app))] = s.ruling(s.apps, []byte(name))
	})
	s.report.BadLines += bad
	return err
}

func (l *loader) finish() {
	s := l.s
	s.listings, s.partners = newTable(l.listings), newTable(l.partners)
	// Of a seller that is listed twice, which is invalid, the first entry holds.
	slices.SortStableFunc(l.sellers, func(a, b sellerEntry) int {
		switch {
		case a.key < b.key:
			return -1
		case a.key > b.key:
			return 1
		}
		return 0
	})
	l.sellers = slices.CompactFunc(l.sellers, func(a, b sellerEntry) bool { return a.key == b.key })
	keys := make([]uint64, len(l.sellers))
	s.facts = make([]sellerFacts, len(l.sellers))
	for i, e := range l.sellers {
		keys[i], s.facts[i] = e.key, e.facts
	}
	s.sellers = indexTable(keys)
	r := &s.report
	r.Systems, r.Bundles = len(s.systems), len(s.bundles)
	r.Listings, r.Sellers = len(s.listings.keys), len(s.sellers.keys)
	r.Bytes = s.listings.bytes() + s.partners.bytes() + s.sellers.bytes() + int64(4*len(s.facts))
}
