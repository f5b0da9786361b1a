package node

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"

	"bidhawk/campaigns"
	"bidhawk/campaigns/api"
	"bidhawk/pacing"
)

// editPatience bounds how long an edit of limits waits for the ledger's word.
const editPatience = 2 * time.Second

// checkEdit asks the ledger about new limits, wherever its pacer runs. Where no
// pacer answers in time, a cut is refused, since nobody could say that it will
// hold; what takes nothing away goes ahead, and the editor is told.
func (n *Node) checkEdit(ctx context.Context, before, after campaigns.Entity) (note string, err error) {
	q, ok := pacing.LimitEditOf(n.feed.Catalog(), before, after)
	if !ok {
		return "", nil
	}
	ctx, cancel := context.WithTimeout(ctx, editPatience)
	defer cancel()
	switch {
	case n.leases != nil: // our own pacer, where there is one, may not own the partition
		note, err = n.leases.CheckLimits(ctx, q)
	case n.pacer != nil:
		return n.pacer.CheckLimits(q)
	default:
		err = errNoLedger
	}
	if _, broken := errors.AsType[*campaigns.ValidationError](err); err == nil || broken {
		return note, err
	}
	n.logger.Warn("the ledger could not be asked about new limits", zap.String("kind", string(q.Kind)), zap.Int64("id", int64(after.Head().ID)),
		zap.Bool("refused", q.Cut), zap.Error(err))
	if !q.Cut {
		return "the ledger could not be asked whether the new limits are above what is posted; it keeps to them either way", nil
	}
	return "", &api.Problem{Title: http.StatusText(http.StatusServiceUnavailable), Status: http.StatusServiceUnavailable,
		Detail: "nothing was changed: the ledger could not be asked whether the lower budget is still above what is posted; try again, or pause the " +
			string(q.Kind) + " to stop its spend now"}
}
