package service

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"bidhawk/campaigns"
	"bidhawk/campaigns/api"
	"bidhawk/pacing"
)

// ClientConfig is about the pacers of an installation.
type ClientConfig struct {
	Pacers     []string // their base URLs, such as http://10.0.0.7:8083
	Partitions int32    // of money
	Token      string   // what they want; empty: nothing
	// TLS is what https pacers are verified against, and what they are shown; nil:
	// the system's authorities, and nothing.
	TLS *tls.Config
	// Timeout bounds one call [800 ms]: a pacer that hangs must not hold up the
	// leases of the others for longer.
	Timeout time.Duration
	// LookEvery is how often all are asked what they own [2 s].
	LookEvery time.Duration
	// Backoff is how long a pacer that failed is left alone at first; it doubles
	// up to 16 times that [250 ms].
	Backoff time.Duration
}

func (c ClientConfig) withDefaults() ClientConfig {
	for _, d := range []struct {
		field *time.Duration
		value time.Duration
	}{{&c.Timeout, 800 * time.Millisecond}, {&c.LookEvery, 2 * time.Second}, {&c.Backoff, 250 * time.Millisecond}} {
		if *d.field <= 0 {
			*d.field = d.value
		}
	}
	return c
}

// ClientDeps is what a client needs.
type ClientDeps struct {
	// Partition is where a line item's advertiser lives; false: it is unknown.
	Partition func(li campaigns.ID) (int32, bool)
	Clock     func() time.Time
	OnError   func(error) // gets what is tried again; it must not block
}

// Client asks the pacers of an installation. It is a pacing.LeaseSource, and
// safe for concurrent use. Run keeps it informed of who owns what.
type Client struct {
	cfg  ClientConfig
	deps ClientDeps
	http *http.Client

	looking sync.Mutex // one look at a time; it guards looked
	looked  time.Time

	mu struct {
		sync.Mutex
		owners map[int32]owner // by partition
		pacers []*peer
	}
}

// owner is who last said that it owns a partition.
type owner struct {
	pacer *peer
	epoch int64
}

// peer is one pacer; the client's mu guards it.
type peer struct {
	url      string
	failures int
	until    time.Time // it is left alone until then
	answered time.Time // when it last did; zero: never
}

var _ pacing.LeaseSource = (*Client)(nil)

// NewClient makes a client; it connects when it is first asked.
func NewClient(cfg ClientConfig, deps ClientDeps) (*Client, error) {
	if len(cfg.Pacers) == 0 || cfg.Partitions <= 0 || deps.Partition == nil || deps.Clock == nil || deps.OnError == nil {
		return nil, errors.New("pacing client: pacers, partitions, clock and error sink are needed")
	}
	cfg = cfg.withDefaults()
	c := &Client{cfg: cfg, deps: deps, http: &http.Client{
		Transport: &http.Transport{
			DialContext:     (&net.Dialer{Timeout: cfg.Timeout, KeepAlive: 10 * time.Second}).DialContext,
			TLSClientConfig: cfg.TLS, TLSHandshakeTimeout: cfg.Timeout, MaxIdleConnsPerHost: 16, MaxConnsPerHost: 64, IdleConnTimeout: time.Minute,
		},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, // the token goes nowhere else
	}}
	c.mu.owners = map[int32]owner{}
	for _, text := range cfg.Pacers {
		u, err := url.Parse(text)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
			return nil, fmt.Errorf("pacing client: pacer %q: want http://HOST:PORT or https://HOST:PORT", text)
		}
		c.mu.pacers = append(c.mu.pacers, &peer{url: strings.TrimRight(text, "/")})
	}
	return c, nil
}

// Run looks now and then who owns what, until ctx ends.
func (c *Client) Run(ctx context.Context) {
	t := time.NewTicker(c.cfg.LookEvery)
	defer t.Stop()
	defer c.http.CloseIdleConnections()
	for {
		c.look(ctx)
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

// RequestLease implements pacing.LeaseSource: one call for each partition, to
// its owner. A pacer that does not answer costs its own partitions' leases.
func (c *Client) RequestLease(ctx context.Context, req pacing.LeaseRequest) (pacing.LeaseGrant, error) {
	var out pacing.LeaseGrant
	byPartition := map[int32][]pacing.LeaseDemand{}
	for _, d := range req.Items {
		p, ok := c.deps.Partition(d.LineItem)
		if !ok {
			out.Refused = append(out.Refused, pacing.LeaseRefusal{LineItem: d.LineItem, Reason: pacing.RefusedInactive})
			continue
		}
		byPartition[p] = append(byPartition[p], d)
	}
	type answer struct {
		grant pacing.LeaseGrant
		err   error
	}
	answers := make(chan answer, len(byPartition))
	for p, items := range byPartition {
		go func() {
			g, err := c.lease(ctx, leasesRequest{Partition: p, Bidder: req.Bidder, Items: items})
			answers <- answer{g, err}
		}()
	}
	answered := len(out.Refused) > 0
	var failed error
	for range byPartition {
		a := <-answers
		if a.err != nil {
			failed = a.err
			c.deps.OnError(a.err)
			continue
		}
		answered = true
		out.Leases = append(out.Leases, a.grant.Leases...)
		out.Refused = append(out.Refused, a.grant.Refused...)
	}
	if !answered && failed != nil {
		return pacing.LeaseGrant{}, failed
	}
	return out, nil
}

func (c *Client) lease(ctx context.Context, req leasesRequest) (g pacing.LeaseGrant, err error) {
	if err = c.ask(ctx, req.Partition, "leases", "/v1/leases", req, &g); err != nil {
		return pacing.LeaseGrant{}, err
	}
	return g, nil
}

// ask posts in to the partition's owner. One that is none any more, or does not
// answer, is asked for anew once.
func (c *Client) ask(ctx context.Context, partition int32, what, path string, in, out any) (err error) {
	for range 2 {
		p := c.owner(partition)
		if p == nil {
			c.look(ctx)
			if p = c.owner(partition); p == nil {
				return errors.Join(err, fmt.Errorf("%s of partition %d: %w: no pacer says that it owns it", what, partition, pacing.ErrNotReady))
			}
		}
		e := c.call(ctx, p, http.MethodPost, path, in, out)
		if e == nil {
			return nil
		}
		err = fmt.Errorf("%s of partition %d: %w", what, partition, e)
		var status *StatusError
		if errors.As(e, &status) && status.Status == http.StatusUnprocessableEntity || ctx.Err() != nil {
			return err
		}
		c.forget(partition, p)
	}
	return err
}

// Figures adds up what the pacers say of the partitions that they own.
func (c *Client) Figures(ctx context.Context) (pacing.Figures, error) {
	var sum pacing.Figures
	owners := map[*peer]bool{}
	c.mu.Lock()
	for _, o := range c.mu.owners {
		owners[o.pacer] = true
	}
	c.mu.Unlock()
	if len(owners) == 0 {
		return sum, fmt.Errorf("figures: %w: no pacer says that it owns anything", pacing.ErrNotReady)
	}
	for p := range owners {
		var f pacing.Figures
		if err := c.call(ctx, p, http.MethodGet, "/v1/ledger", nil, &f); err != nil {
			return pacing.Figures{}, fmt.Errorf("figures: %w", err)
		}
		sum.Add(f)
	}
	return sum, nil
}

// StatusError is an answer that is no 200.
type StatusError struct {
	Status  int
	Problem api.Problem
}

func (e *StatusError) Error() string {
	return fmt.Sprintf("status %d: %s", e.Status, e.Problem.Detail)
}

// maxAnswerBytes bounds what a pacer's answer may be.
const maxAnswerBytes = 64 << 20

// call asks one pacer and notes whether it answered.
func (c *Client) call(ctx context.Context, p *peer, method, path string, in, out any) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	err := c.exchange(ctx, p.url+path, method, in, out)
	var status *StatusError
	c.note(p, err == nil || errors.As(err, &status))
	if err != nil {
		return fmt.Errorf("pacer %s: %w", p.url, err)
	}
	return nil
}

func (c *Client) exchange(ctx context.Context, address, method string, in, out any) error {
	var body io.Reader
	if in != nil {
		b, err := json.Marshal(in)
		if err != nil {
			return err
		}
		body = bytes.NewReader(b)
	}
	req, err := http.NewRequestWithContext(ctx, method, address, body)
	if err != nil {
		return err
	}
	if in != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if c.cfg.Token != "" {
		req.Header.Set("Authorization", "Bearer "+c.cfg.Token)
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswerBytes+1))
	if err != nil {
		return err
	}
	if len(b) > maxAnswerBytes {
		return fmt.Errorf("answer of more than %d bytes", maxAnswerBytes)
	}
	if resp.StatusCode != http.StatusOK {
		e := &StatusError{Status: resp.StatusCode}
		if json.Unmarshal(b, &e.Problem) != nil {
			e.Problem.Detail = resp.Status
		}
		return e
	}
	return json.Unmarshal(b, out)
}
