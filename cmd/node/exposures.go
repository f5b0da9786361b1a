package node

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/danielgtaylor/huma/v2"
	"go.uber.org/zap"

	"bidhawk/bidder"
)

// registerExposures adds what a node that joins starts from.
func (n *Node) registerExposures(h huma.API) {
	huma.Register(h, huma.Operation{
		OperationID: "get-exposures-snapshot", Method: http.MethodGet, Path: "/v1/exposures/snapshot", Tags: []string{"operations"},
		Summary: "This node's counts of frequency caps and click rates, for another node to start from",
		Description: "Keys of users and homes are in it. bidhawk exposures fetch reads it. What ends without its checksum is not whole " +
			"and is refused there.",
		Errors: []int{http.StatusUnauthorized, http.StatusForbidden},
		Responses: map[string]*huma.Response{"200": {
			Description: "The snapshot", Content: map[string]*huma.MediaType{"application/octet-stream": {}},
		}},
	}, func(ctx context.Context, _ *struct{}) (*huma.StreamResponse, error) {
		if err := operator(ctx); err != nil {
			return nil, err
		}
		return &huma.StreamResponse{Body: func(c huma.Context) {
			c.SetHeader("Content-Type", "application/octet-stream")
			if err := n.exposures.WriteSnapshot(c.BodyWriter()); err != nil {
				n.logger.Warn("a snapshot of exposures was not sent whole", zap.Error(err))
			}
		}}, nil
	})
}

// RestoreExposures gives a node that has never run, and does not now, the counts of
// another.
func RestoreExposures(cfg Config, snapshot io.Reader) error {
	if err := os.MkdirAll(cfg.DataDir, 0o755); err != nil {
		return wrong("data_dir", cfg.DataDir, "a directory that can be made: "+err.Error())
	}
	l, err := vfs.Default.Lock(cfg.path("lock"))
	if err != nil {
		return fmt.Errorf("restore exposures: a node runs on data_dir %q: %w", cfg.DataDir, err)
	}
	defer l.Close()
	return bidder.RestoreExposures(cfg.path("exposures"), snapshot)
}
