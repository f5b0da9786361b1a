package media

import (
	"context"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/blob"
)

// Sweeper deletes files that nothing refers to any more. A file is referred to by
// every asset that is not archived, and by every creative that is not: whatever
// was archived, and what came without an asset, stays for Grace, since pages that
// were sold before still load it.
type Sweeper struct {
	Files blob.Store
	Store campaigns.Reader
	Now   func() time.Time
	Grace time.Duration
}

// Swept is what one sweep did.
type Swept struct {
	Kept, Deleted int
	Bytes         int64 // deleted
}

// Sweep looks at every file once. It may be run again after any error.
func (s *Sweeper) Sweep(ctx context.Context) (out Swept, err error) {
	old := s.Now().Add(-s.Grace)
	used, err := s.used(ctx, old)
	if err != nil {
		return out, err
	}
	for info, err := range s.Files.List(ctx, "") {
		if err != nil {
			return out, err
		}
		// An upload puts its file anew before it is an asset: a young file may be one
		// of those, also where the same content was there before.
		if used[hashOf(info.Key)] || info.Modified.After(old) {
			out.Kept++
			continue
		}
		if err := s.Files.Delete(ctx, info.Key); err != nil {
			return out, err
		}
		out.Deleted++
		out.Bytes += info.Size
	}
	return out, nil
}

// hashOf is what a file's name begins with.
func hashOf(key string) string { return key[:min(len(key), 64)] }

// used are the hashes of what is referred to, or was after old.
func (s *Sweeper) used(ctx context.Context, old time.Time) (map[string]bool, error) {
	used := map[string]bool{}
	live := func(e campaigns.Entity) bool {
		return e.State() != campaigns.StatusArchived || e.Head().UpdatedAt.After(old)
	}
	err := each(ctx, s.Store, func(a *campaigns.Asset) {
		if live(a) {
			used[hashOf(a.File)] = true
		}
	})
	if err != nil {
		return nil, err
	}
	err = each(ctx, s.Store, func(v *campaigns.Creative) {
		if live(v) {
			for _, file := range v.Files() {
				used[hashOf(file)] = true
			}
		}
	})
	return used, err
}

// each calls f with every entity of a kind.
func each[E campaigns.Entity](ctx context.Context, r campaigns.Reader, f func(E)) error {
	for after := campaigns.ID(0); ; {
		page, err := campaigns.List[E](ctx, r, campaigns.Filter{After: after})
		if err != nil || len(page) == 0 {
			return err
		}
		for _, e := range page {
			f(e)
			after = e.Head().ID
		}
	}
}
