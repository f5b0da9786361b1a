package main

import (
	"bufio"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"bidhawk/cmd/node"
)

// handlerBuckets is a node's histogram of handler times, cumulative by upper bound.
type handlerBuckets []bucket

type bucket struct {
	upper time.Duration // 0: without bound
	count uint64
}

func scrapeHandler(ctx context.Context, cfg node.Config) (handlerBuckets, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+cfg.Listen.Operations+"/metrics", nil)
	if err != nil {
		return nil, err
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	var out handlerBuckets
	for sc := bufio.NewScanner(resp.Body); sc.Scan(); {
		rest, ok := strings.CutPrefix(sc.Text(), `bidhawk_handler_seconds_bucket{le="`)
		if !ok {
			continue
		}
		le, count, _ := strings.Cut(rest, `"} `)
		n, err := strconv.ParseUint(count, 10, 64)
		if err != nil {
			return nil, fmt.Errorf("metrics: %q: %w", sc.Text(), err)
		}
		b := bucket{count: n}
		if le != "+Inf" {
			s, err := strconv.ParseFloat(le, 64)
			if err != nil {
				return nil, fmt.Errorf("metrics: %q: %w", sc.Text(), err)
			}
			b.upper = time.Duration(s * float64(time.Second)).Round(time.Microsecond)
		}
		out = append(out, b)
	}
	return out, nil
}

// quantile is an upper bound of the q-quantile of what came after before.
func (h handlerBuckets) quantile(before handlerBuckets, q float64) time.Duration {
	if len(h) == 0 || len(before) != len(h) {
		return 0
	}
	total := h[len(h)-1].count - before[len(h)-1].count
	for i, b := range h {
		if n := b.count - before[i].count; total > 0 && float64(n) >= q*float64(total) {
			return b.upper
		}
	}
	return 0
}
