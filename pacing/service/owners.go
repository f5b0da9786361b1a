package service

import (
	"context"
	"fmt"
	"net/http"
	"sync"
	"time"

	"bidhawk/pacing"
)

// owner is who owns the partition, as last heard; nil: nobody that answers.
func (c *Client) owner(partition int32) *peer {
	c.mu.Lock()
	defer c.mu.Unlock()
	if o, ok := c.mu.owners[partition]; ok && !c.deps.Clock().Before(o.pacer.until) {
		return o.pacer
	}
	return nil
}

// forget drops what was heard of a partition, unless there is newer word.
func (c *Client) forget(partition int32, p *peer) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.owners[partition].pacer == p {
		delete(c.mu.owners, partition)
	}
}

// note keeps whether a pacer answers. One that does not is left alone for a while.
func (c *Client) note(p *peer, answered bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.deps.Clock()
	if answered {
		p.failures, p.until, p.answered = 0, time.Time{}, now
		return
	}
	p.until = now.Add(c.cfg.Backoff << min(p.failures, 4))
	p.failures++
}

// atOnce is how soon after a look another is of no use.
const atOnce = 100 * time.Millisecond

// look asks all pacers what they own. Whoever comes while a look is under way
// waits for it, and takes what it found.
func (c *Client) look(ctx context.Context) {
	c.looking.Lock()
	defer c.looking.Unlock()
	if now := c.deps.Clock(); now.Sub(c.looked) < atOnce {
		return
	}
	c.mu.Lock()
	var ask []*peer
	for _, p := range c.mu.pacers {
		if !c.deps.Clock().Before(p.until) {
			ask = append(ask, p)
		}
	}
	c.mu.Unlock()
	var wg sync.WaitGroup
	for _, p := range ask {
		wg.Go(func() {
			var s stateBody
			if err := c.call(ctx, p, http.MethodGet, "/v1/state", nil, &s); err != nil {
				if ctx.Err() == nil {
					c.deps.OnError(fmt.Errorf("look for owners: %w", err))
				}
				return
			}
			c.heard(p, s.Partitions)
		})
	}
	wg.Wait()
	c.looked = c.deps.Clock()
}

// heard takes a pacer's word on what it owns. Where two say so, the newer claim
// is right: the log has it, whether or not the other has read it.
func (c *Client) heard(p *peer, partitions []pacing.PartitionState) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, s := range partitions {
		o, known := c.mu.owners[s.Partition]
		switch {
		case s.Role != pacing.RoleOwner || !s.Ready:
			if known && o.pacer == p {
				delete(c.mu.owners, s.Partition)
			}
		case !known || s.Epoch >= o.epoch:
			c.mu.owners[s.Partition] = owner{p, s.Epoch}
		}
	}
}

// Reached says whether a pacer has answered within d.
func (c *Client) Reached(d time.Duration) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.deps.Clock()
	for _, p := range c.mu.pacers {
		if !p.answered.IsZero() && now.Sub(p.answered) <= d {
			return true
		}
	}
	return false
}

// Owned is how many partitions have an owner that answers.
func (c *Client) Owned() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, now := 0, c.deps.Clock()
	for _, o := range c.mu.owners {
		if !now.Before(o.pacer.until) {
			n++
		}
	}
	return n
}
