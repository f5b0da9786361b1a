package supply

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"
)

// FetchConfig says how to fetch. Dir, UserAgent and Clock are required; 0 stands
// for the default of the others.
type FetchConfig struct {
	Dir string // the cache directory; made where it does not exist
	// Client does the requests; its redirect policy, timeout and cookies are not
	// used. Nil stands for one that connects to public addresses alone: names
	// and redirects come from strangers, who may point them at this network.
	Client *http.Client
	// UserAgent says who crawls and where to complain.
	UserAgent   string
	Clock       func() time.Time
	Concurrency int           // requests at a time: 1 to 256, default 16
	Timeout     time.Duration // for a file, redirects and body included: up to 10m, default 20s
	// SellersTimeout is Timeout for a sellers.json: up to 1h, default 5m.
	SellersTimeout  time.Duration
	MaxTextBytes    int64     // of an ads.txt, unpacked: up to 16 MB, default 5 MB
	MaxSellersBytes int64     // of a sellers.json, unpacked: up to 2 GB, default 512 MB
	Progress        io.Writer // gets a line for each failure, and one every 1000 files; nil: nobody
}

// Validate names the first field that breaks its rule.
func (c FetchConfig) Validate() error {
	c = c.withDefaults()
	f := func(field string, value any, rule string) error {
		return fmt.Errorf("supply.fetch.%s: got %v; want %s", field, value, rule)
	}
	switch {
	case c.Dir == "":
		return f("dir", `""`, "the cache directory")
	case c.UserAgent == "" || strings.ContainsAny(c.UserAgent, "\r\n"):
		return f("user_agent", fmt.Sprintf("%.80q", c.UserAgent), "one line that says who crawls")
	case c.Clock == nil:
		return f("clock", "none", "a clock")
	case c.Concurrency < 1 || c.Concurrency > 256:
		return f("concurrency", c.Concurrency, "1 to 256")
	case c.Timeout < 0 || c.Timeout > 10*time.Minute:
		return f("timeout", c.Timeout, "up to 10m")
	case c.SellersTimeout < 0 || c.SellersTimeout > time.Hour:
		return f("sellers_timeout", c.SellersTimeout, "up to 1h")
	case c.MaxTextBytes < 0 || c.MaxTextBytes > maxTextBytes:
		return f("max_text_bytes", c.MaxTextBytes, "up to 16777216")
	case c.MaxSellersBytes < 0 || c.MaxSellersBytes > 2<<30:
		return f("max_sellers_bytes", c.MaxSellersBytes, "up to 2147483648")
	}
	return nil
}

func (c FetchConfig) withDefaults() FetchConfig {
	if c.Concurrency == 0 {
		c.Concurrency = 16
	}
	if c.Timeout == 0 {
		c.Timeout = 20 * time.Second
	}
	if c.SellersTimeout == 0 {
		c.SellersTimeout = 5 * time.Minute
	}
	if c.MaxTextBytes == 0 {
		c.MaxTextBytes = 5 << 20
	}
	if c.MaxSellersBytes == 0 {
		c.MaxSellersBytes = 512 << 20
	}
	return c
}

// Wanted is what to fetch, as domains or URLs.
type Wanted struct {
	Sites      []string // ads.txt of their root domains
	Developers []string // app-ads.txt; those of bundles.tsv are fetched without being named
	AdSystems  []string // sellers.json
}

// Outcome is what came of one file.
type Outcome uint8

// The outcomes.
const (
	Fetched     Outcome = iota // there is a new body
	NotModified                // the body was confirmed
	Fresh                      // not asked for: still fresh, or failed within the hour
	Absent                     // the server has none
	Failed                     // the last good body, if any, stays in force
	outcomeCount
)

// String is the outcome's name.
func (o Outcome) String() string {
	return [outcomeCount]string{"fetched", "not_modified", "fresh", "absent", "failed"}[o]
}

// FetchReport counts what came of a fetch.
type FetchReport struct {
	Files    [outcomeCount]int // by Outcome
	Refused  int               // names that are no domains, and subdomains of others
	Problems []Problem         // a hundred of the failures and refusals
}

// String is the report in one line.
func (r FetchReport) String() string {
	var b strings.Builder
	for o, n := range r.Files {
		fmt.Fprintf(&b, "%s %d, ", Outcome(o), n)
	}
	fmt.Fprintf(&b, "refused %d", r.Refused)
	return b.String()
}

// Freshness. Servers say how long a file holds; within these bounds they are believed.
const (
	leastFresh = 6 * time.Hour
	mostFresh  = 7 * 24 * time.Hour // also where the server does not say (ads.txt 3.6)
	retryAfter = time.Hour
	oldTemp    = 24 * time.Hour // what a dead fetch left behind goes after this long
)

// Fetch brings the cache directory up to date: the files of want, then the
// subdomains and inventory partners that these name, one hop on (ads.txt 3.5.1,
// 5.7). It may be stopped at any time and started again: each file is replaced
// whole, and what is fresh is not asked for. One fetch at a time runs on a directory.
//
// A file that can't be had keeps its last good body, and its first line says
// why; it is a Problem in the report, not an error. An error means that nothing
// was done, or ctx ended, or the directory can't be written; the report
// then says how far it came.
func Fetch(ctx context.Context, cfg FetchConfig, want Wanted) (FetchReport, error) {
	if err := cfg.Validate(); err != nil {
		return FetchReport{}, err
	}
	f := &fetcher{cfg: cfg.withDefaults(), seen: make(map[job]bool)}
	f.client = newClient(f.cfg.Client)
	if err := f.prepare(); err != nil {
		return f.report, fmt.Errorf("supply: fetch: %w", err)
	}
	if err := f.wanted(want); err != nil {
		return f.report, fmt.Errorf("supply: fetch: %w", err)
	}
	// Three rounds at most: what is wanted, what that points to, and the pointers
	// of a root domain's app-ads.txt that was asked for in its subdomain's stead.
	for len(f.found) > 0 {
		jobs := f.found
		f.found = nil
		if err := f.round(ctx, jobs); err != nil {
			return f.report, fmt.Errorf("supply: fetch: %w", err)
		}
	}
	f.say("%v\n", f.report)
	return f.report, nil
}

// job is one file to fetch.
type job struct {
	kind   Kind
	domain string
	root   string // within which redirects are followed freely
	next   string // the domain whose app-ads.txt to try where this one has none; ""
	leaf   bool   // its own subdomains and partners are not followed
}

type fetcher struct {
	cfg      FetchConfig
	client   *http.Client
	suffixes *suffixes
	found    []job        // for the next round; guarded by mu while a round runs
	seen     map[job]bool // by kind and domain alone; guarded by mu

	mu     sync.Mutex // guards report, done, writes to Progress, and what says so
	report FetchReport
	done   int // files, Fresh ones included
}

// prepare makes the folders, and clears what an earlier fetch left half-written.
func (f *fetcher) prepare() (err error) {
	for k := range kindCount {
		dir := filepath.Join(f.cfg.Dir, k.String())
		if err := os.MkdirAll(dir, 0o755); err != nil {
			return err
		}
		temps, err := filepath.Glob(filepath.Join(dir, tempPrefix+"*"))
		if err != nil {
			return err
		}
		for _, t := range temps {
			if info, err := os.Stat(t); err == nil && f.cfg.Clock().Sub(info.ModTime()) > oldTemp {
				os.Remove(t)
			}
		}
	}
	f.suffixes, err = readSuffixes(f.cfg.Dir)
	return err
}

// wanted queues the first round.
func (f *fetcher) wanted(want Wanted) error {
	f.names(AdsTxt, want.Sites, func(d string) {
		root := f.rootOr(d)
		f.add(job{kind: AdsTxt, domain: root, root: root})
	})
	f.names(AppAdsTxt, want.Developers, f.developer)
	f.names(SellersJSON, want.AdSystems, func(d string) {
		// An advertising system is named by the very domain that ads.txt files
		// name it by, which may lie below its root domain (ads.txt 3.3).
		f.add(job{kind: SellersJSON, domain: d, root: f.rootOr(d)})
	})
	_, err := readBundles(f.cfg.Dir, func(_, host string) { f.developer(host) })
	return err
}

// names calls use for each domain of a list of domains and URLs.
func (f *fetcher) names(k Kind, list []string, use func(domain string)) {
	for _, s := range list {
		if d, ok := domainOf(hostOf(strings.TrimSpace(s))); ok {
			use(d)
		} else {
			f.refuse(k, s)
		}
	}
}

func (f *fetcher) developer(host string) {
	name, fallback := f.suffixes.developer(host)
	f.add(job{kind: AppAdsTxt, domain: name, root: f.rootOr(name), next: fallback})
}

// rootOr is the root domain of d; of a public suffix that is a site, itself.
func (f *fetcher) rootOr(d string) string {
	if root, ok := f.suffixes.root(d); ok {
		return root
	}
	return d
}

func (f *fetcher) refuse(k Kind, name string) {
	f.report.Refused++
	if len(f.report.Problems) < maxProblems {
		f.report.Problems = append(f.report.Problems, Problem{fmt.Sprintf("%v/%.80q", k, name), "want a domain"})
	}
}

// add queues a file once.
func (f *fetcher) add(j job) {
	key := job{kind: j.kind, domain: j.domain}
	if !f.seen[key] {
		f.seen[key] = true
		f.found = append(f.found, j)
	}
}

func (f *fetcher) round(ctx context.Context, jobs []job) error {
	g, groupCtx := errgroup.WithContext(ctx)
	g.SetLimit(f.cfg.Concurrency)
	for _, j := range jobs {
		if groupCtx.Err() != nil {
			break
		}
		g.Go(func() error { return f.file(groupCtx, j) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	return ctx.Err()
}

// file brings one file up to date, and queues what it points to.
func (f *fetcher) file(ctx context.Context, j job) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	path := filepath.Join(f.cfg.Dir, j.kind.String(), j.domain)
	outcome, why, err := f.update(ctx, j, path)
	if ctx.Err() != nil {
		return ctx.Err() // a fetch that was stopped says nothing of the server
	}
	if err != nil {
		return err
	}
	a, absent := f.pointers(j, path)
	f.mu.Lock()
	defer f.mu.Unlock()
	f.report.Files[outcome]++
	if outcome == Failed {
		if len(f.report.Problems) < maxProblems {
			f.report.Problems = append(f.report.Problems, Problem{j.kind.String() + "/" + j.domain, why})
		}
		f.say("%v/%s: %s\n", j.kind, j.domain, why)
	}
	if f.done++; f.done%1000 == 0 {
		f.say("%d files: %v\n", f.done, f.report)
	}
	if absent && j.next != "" {
		f.add(job{kind: j.kind, domain: j.next, root: j.root})
	}
	if a != nil && !j.leaf {
		f.follow(j, a)
	}
	return nil
}

// say writes progress. A writer that fails does not end a fetch.
func (f *fetcher) say(format string, args ...any) {
	if f.cfg.Progress != nil {
		fmt.Fprintf(f.cfg.Progress, format, args...)
	}
}

// pointers reads what the file in force points to, and says whether the server
// has none.
func (f *fetcher) pointers(j job, path string) (a *Authorised, absent bool) {
	if j.kind == SellersJSON {
		return nil, false
	}
	c, err := openCache(path)
	if err != nil {
		return nil, false
	}
	defer c.Close()
	if c.Absent || c.Checked.IsZero() {
		return nil, c.Absent
	}
	a, err = readText(c)
	if err != nil {
		return nil, false
	}
	return a, false
}

// follow queues the files that a points to: the subdomains of a root domain's
// ads.txt, and the ads.txt of partners.
func (f *fetcher) follow(j job, a *Authorised) {
	if j.kind == AdsTxt {
		for _, sub := range a.Subdomains {
			if sub == j.domain {
				continue
			}
			if !under(sub, j.domain) {
				f.refuse(AdsTxt, sub)
				continue
			}
			f.add(job{kind: AdsTxt, domain: sub, root: j.root, leaf: true})
		}
	}
	for _, p := range a.Partners {
		root := f.rootOr(p)
		f.add(job{kind: AdsTxt, domain: root, root: root, leaf: true})
	}
}

// update asks the server for the file, unless it is fresh, and writes what
// came of it. err is of the directory alone.
func (f *fetcher) update(ctx context.Context, j job, path string) (outcome Outcome, why string, err error) {
	old, now := state{}, f.cfg.Clock()
	c, err := openCache(path)
	if err == nil { // one that can't be read is as if it were not there
		defer c.Close()
		old = c.state
		if now.Before(old.Expires) || now.Before(old.Failed.Add(retryAfter)) && !old.Failed.After(now) {
			return Fresh, "", nil
		}
	}
	timeout := f.cfg.Timeout
	if j.kind == SellersJSON {
		timeout = f.cfg.SellersTimeout
	}
	reqCtx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	next, body, failure := f.get(reqCtx, j, old)
	if body != nil {
		defer body.Close()
	}
	switch {
	case failure != nil:
	case next.Absent:
		return Absent, "", writeCache(path, next, strings.NewReader(""), nil)
	case body == nil:
		return NotModified, "", f.rewrite(path, next, c)
	default:
		var refused error
		err := writeCache(path, next, markErrors(body, &refused), func(r io.Reader) error {
			refused = checkBody(j.kind, r)
			return refused
		})
		if err == nil || refused == nil {
			return Fetched, "", err
		}
		failure = refused
	}
	if ctx.Err() != nil {
		return Failed, "", nil
	}
	old.Failed, old.Why = now, fmt.Sprintf("%.*s", maxWhy, failure.Error())
	return Failed, old.Why, f.rewrite(path, old, c)
}

// rewrite puts a new first line before the body that c has, if any.
func (f *fetcher) rewrite(path string, s state, c *cacheFile) error {
	if c == nil {
		return writeCache(path, s, strings.NewReader(""), nil)
	}
	return writeCache(path, s, c, nil)
}

// markErrors keeps errors of reading r in *err, apart from those of writing.
func markErrors(r io.Reader, err *error) io.Reader {
	return readerFunc(func(p []byte) (int, error) {
		n, e := r.Read(p)
		if e != nil && !errors.Is(e, io.EOF) {
			*err = e
		}
		return n, e
	})
}

type readerFunc func([]byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }
