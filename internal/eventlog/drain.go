package eventlog

import (
	"context"
	"errors"
	"fmt"
)

// drainLoop moves what is spilled to the log, in order, whenever there is some.
func (p *Publisher) drainLoop(ctx context.Context) {
	for {
		select {
		case <-p.wakeDrainer:
		case <-ctx.Done():
			return
		}
		p.drain(ctx)
	}
}

// drain ends when the spill is empty or ctx ends. Nothing is skipped: a message
// that the log refuses for good stops it, shows in Stats.LastError and is tried
// again; to lose it is the operator's choice.
func (p *Publisher) drain(ctx context.Context) {
	pause := backoff{next: p.cfg.RetryMin, max: p.cfg.RetryMax}
	for ctx.Err() == nil {
		n, err := p.drainStep(ctx)
		switch {
		case err != nil:
			pause.wait(ctx)
		case n > 0:
			pause.next = p.cfg.RetryMin
		case p.endSpilling():
			return
		}
	}
}

// drainStep moves the oldest spilled messages and returns how many. They leave
// the spill only after the log has acknowledged them.
func (p *Publisher) drainStep(ctx context.Context) (n int, err error) {
	head, err := p.spill.Head(backlogMaxCount, backlogMaxBytes)
	if err != nil {
		p.failed(&p.counts.spillErrors, err)
		return 0, err
	}
	if len(head.Records) == 0 {
		return 0, nil
	}
	msgs := make([]Message, len(head.Records))
	for i, r := range head.Records {
		m, rest, err := parseMessage(r, p.intern)
		if err == nil && len(rest) > 0 {
			err = errCodec
		}
		if err != nil {
			err = fmt.Errorf("spilled message: %w", err)
			p.failed(&p.counts.spillErrors, err)
			return 0, err
		}
		msgs[i] = m
	}
	if err := p.appendOnce(ctx, msgs); err != nil {
		return 0, err
	}
	p.counts.drained.Add(uint64(len(msgs)))
	if err := p.spill.Drop(head); err != nil {
		p.failed(&p.counts.spillErrors, err)
		return 0, err
	}
	return len(msgs), nil
}

// endSpilling lets Publish go to the log again, unless it has just spilled more.
func (p *Publisher) endSpilling() bool {
	p.mode.Lock()
	defer p.mode.Unlock()
	if left, _ := p.spill.Depth(); left > 0 {
		return false
	}
	if p.mode.spilling {
		p.mode.spilling = false
		close(p.mode.drained)
	}
	return true
}

// WaitDrained returns nil once nothing is spilled: what an earlier run left is
// in the log. A node that starts calls it before it asks for leases.
func (p *Publisher) WaitDrained(ctx context.Context) error {
	p.mode.Lock()
	drained := p.mode.drained
	p.mode.Unlock()
	select {
	case <-drained:
		return nil
	case <-ctx.Done():
		records, bytes := p.spill.Depth()
		return fmt.Errorf("spill still holds %d records, %d bytes: %w", records, bytes, errors.Join(ctx.Err(), p.Stats().LastError))
	}
}
