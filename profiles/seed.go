package profiles

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"bidhawk/campaigns"
	"bidhawk/internal/eventlog"
	"bidhawk/internal/ids"
)

// SeedOptions describes whole profiles to publish at once, for demos and
// benchmarks. All but Progress are required.
type SeedOptions struct {
	Users int
	User  func(i int) ids.UserKey // of i in [0, Users); 0 leaves it out
	// Tags appends the tags of user i.
	Tags func(dst []TagPath, i int) []TagPath
	// Version of the records: 1 for users that have no profile yet. The builder
	// goes on from there.
	Version uint64
	At      time.Time
	Log     Appender
	// Progress, if set, is told the number published after each batch.
	Progress func(published int)
}

// seedBatch is how many profiles are appended at once.
const seedBatch = 2000

// SeedProfiles publishes the profiles on the topic "profiles" and returns how
// many. It goes past the builder, which adopts them.
func SeedProfiles(ctx context.Context, o SeedOptions) (published int, err error) {
	if o.Users < 0 || o.User == nil || o.Tags == nil || o.Log == nil || o.At.IsZero() || o.Version == 0 {
		return 0, errors.New("seed profiles: want Users >= 0, User, Tags, Version >= 1, At and Log")
	}
	var arena []byte
	var messages []eventlog.Message
	full := Full{Version: o.Version, At: o.At}
	for i := range o.Users {
		full.User = o.User(i)
		full.Tags = o.Tags(full.Tags[:0], i)
		if full.User != 0 {
			if err := full.validate(); err != nil {
				return published, fmt.Errorf("seed profile %d: %w", i, err)
			}
			var m eventlog.Message
			arena, m = full.appendMessage(arena)
			messages = append(messages, m)
		}
		if len(messages) < seedBatch && i < o.Users-1 || len(messages) == 0 {
			continue
		}
		if err := o.Log.Append(ctx, messages...); err != nil {
			return published, fmt.Errorf("seed profiles: publish after %d: %w", published, err)
		}
		published += len(messages)
		messages, arena = messages[:0], arena[:0]
		if o.Progress != nil {
			o.Progress(published)
		}
	}
	return published, nil
}

func (f Full) validate() error {
	if len(f.Tags) > MaxTags {
		return fmt.Errorf("tags: got %d; want at most %d", len(f.Tags), MaxTags)
	}
	for i, t := range f.Tags {
		if err := t.Validate(); err != nil {
			return fmt.Errorf("tags[%d].%w", i, err)
		}
	}
	return nil
}

// RandomTags is a SeedOptions.Tags that gives user i between low and high
// different tags of paths (as many as there are), the same for the same seed.
// Earlier paths are likelier, as popular interests are.
func RandomTags(seed uint64, owner campaigns.ID, paths []string, low, high int, expires time.Time) func(dst []TagPath, i int) []TagPath {
	return func(dst []TagPath, i int) []TagPath {
		r := rand.New(rand.NewPCG(seed, uint64(i)))
		n := min(low+r.IntN(max(high-low, 0)+1), len(paths))
		for picked, at := 0, 0; picked < n && at < len(paths); at++ {
			left := len(paths) - at
			// Twice the even chance at the front, falling towards the end; certain
			// once only as many are left as are missing.
			if need := n - picked; left > need && r.IntN(left) >= min(2*need, left) {
				continue
			}
			dst = append(dst, TagPath{Owner: owner, Path: paths[at], Weight: uint8(1 + r.IntN(255)), Expires: expires})
			picked++
		}
		return dst
	}
}
