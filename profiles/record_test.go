package profiles

import (
	"bytes"
	"errors"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"bidhawk/campaigns"
)

// genTags draws unsorted tags, repeats included. Half of the numbers are near
// each other, like a taxonomy's, half anywhere, like lists'.
func genTags(maxTags int) *rapid.Generator[[]Tag] {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Tag {
		number := rapid.OneOf(rapid.Uint32Range(0, 60), rapid.Uint32()).Draw(t, "number")
		owner := rapid.OneOf(rapid.Int64Range(0, 3), rapid.Int64Range(0, 1<<32-1)).Draw(t, "owner")
		return Tag{
			Key:     campaigns.NewTagKey(campaigns.ID(owner), campaigns.TagNumber(number)),
			Weight:  rapid.Uint8().Draw(t, "weight"),
			Expires: Minute(rapid.OneOf(rapid.Just(uint32(0)), rapid.Uint32Range(29_000_000, 29_100_000), rapid.Uint32()).Draw(t, "expires")),
			Seen:    rapid.OneOf(rapid.Just(int64(0)), rapid.Int64Range(0, maxSeen)).Draw(t, "seen"),
		}
	}), 0, maxTags)
}

// naiveNormalize is the specification of NormalizeTags.
func naiveNormalize(tags []Tag) []Tag {
	best := map[campaigns.TagKey]Tag{}
	never := func(m Minute) uint64 {
		if m == 0 {
			return 1 << 40
		}
		return uint64(m)
	}
	for _, t := range tags {
		b, ok := best[t.Key]
		better := never(t.Expires) > never(b.Expires) ||
			t.Expires == b.Expires && (t.Weight > b.Weight || t.Weight == b.Weight && t.Seen > b.Seen)
		if !ok || better {
			best[t.Key] = t
		}
	}
	var out []Tag
	for _, t := range best {
		out = append(out, t)
	}
	slices.SortFunc(out, func(a, b Tag) int {
		if a.Key < b.Key {
			return -1
		}
		return 1
	})
	return out
}

func readTags(t interface{ Fatalf(string, ...any) }, r Record) []Tag {
	var got []Tag
	it := r.Tags()
	for it.Next() {
		got = append(got, it.Tag())
	}
	if err := it.Err(); err != nil {
		t.Fatalf("read record %x: %v", []byte(r), err)
	}
	return got
}

func TestRecordRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		drawn := genTags(80).Draw(t, "tags")
		want := naiveNormalize(drawn)
		version := rapid.Uint64().Draw(t, "version")
		updated := time.UnixMilli(rapid.Int64Range(0, 1<<42).Draw(t, "updated")).UTC()
		prefix := []byte("kept")
		b, err := AppendRecord(prefix, version, updated, NormalizeTags(slices.Clone(drawn)))
		if err != nil {
			t.Fatalf("append: %v", err)
		}
		if !bytes.HasPrefix(b, prefix) {
			t.Fatalf("dst was overwritten")
		}
		r := Record(b[len(prefix):])
		if got := readTags(t, r); !slices.Equal(got, want) {
			t.Fatalf("tags: got %v; want %v", got, want)
		}
		if r.Version() != version || !r.Updated().Equal(updated) || r.Len() != len(want) {
			t.Fatalf("head: got %d %v %d; want %d %v %d", r.Version(), r.Updated(), r.Len(), version, updated, len(want))
		}
		now := time.Unix(int64(rapid.OneOf(rapid.Uint32Range(28_999_000, 29_101_000), rapid.Uint32Min(1)).Draw(t, "now"))*60+17, 0)
		checkLive(t, r, want, now)
	})
}

func checkLive(t *rapid.T, r Record, tags []Tag, now time.Time) {
	want := []campaigns.TagKey{42}
	for _, tag := range tags {
		if tag.Weight > 0 && (tag.Expires == 0 || tag.Expires.Time().After(now)) {
			want = append(want, tag.Key)
		}
	}
	if got := r.AppendLive([]campaigns.TagKey{42}, now); !slices.Equal(got, want) {
		t.Fatalf("live at %v: got %v; want %v", now, got, want)
	}
}

func TestNormalizeTagsIgnoresOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		tags := genTags(40).Draw(t, "tags")
		shuffled := rapid.Permutation(tags).Draw(t, "shuffled")
		a, b := NormalizeTags(slices.Clone(tags)), NormalizeTags(shuffled)
		if !slices.Equal(a, b) {
			t.Fatalf("got %v and %v", a, b)
		}
		if !slices.IsSortedFunc(a, func(x, y Tag) int { return int(min(1, max(-1, int64(x.Key>>1)-int64(y.Key>>1)))) }) {
			t.Fatalf("not sorted: %v", a)
		}
	})
}

func TestAppendRecordRefuses(t *testing.T) {
	f := func(name string, tags []Tag) {
		t.Helper()
		if b, err := AppendRecord(nil, 1, time.Unix(0, 0), tags); err == nil || len(b) > 0 {
			t.Errorf("%s: got %x, %v; want an error and nothing appended", name, b, err)
		}
	}
	f("unsorted", []Tag{{Key: 2, Weight: 1}, {Key: 1, Weight: 1}})
	f("repeated", []Tag{{Key: 2, Weight: 1}, {Key: 2, Weight: 1}})
	f("too many", make([]Tag, MaxTags+1))
}

// typicalTags is a profile of 50 tags as the figures of the package assume: 45 of a
// taxonomy of 1,000, 5 of lists, all expiring at different minutes of 30 days.
func typicalTags(r *rand.Rand, now time.Time) []Tag {
	var tags []Tag
	for _, n := range r.Perm(1000)[:45] {
		tags = append(tags, Tag{Key: campaigns.NewTagKey(0, campaigns.TagNumber(n+1))})
	}
	for range 5 {
		tags = append(tags, Tag{Key: campaigns.NewTagKey(7, campaigns.TagNumber(r.Uint32()|1<<31))})
	}
	for i := range tags {
		tags[i].Weight = uint8(1 + r.IntN(255))
		tags[i].Expires = MinuteOf(now) + 1 + Minute(r.IntN(30*24*60))
	}
	return NormalizeTags(tags)
}

func TestRecordSize(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	r := rand.New(rand.NewPCG(1, 2))
	largest, sum := 0, 0
	for range 1000 {
		b, err := AppendRecord(nil, 1_000_000, now, typicalTags(r, now))
		if err != nil {
			t.Fatal(err)
		}
		largest, sum = max(largest, len(b)), sum+len(b)
	}
	if largest > 250 {
		t.Errorf("50 tags take up to %d bytes; want at most 250", largest)
	}
	t.Logf("50 tags: mean %d, largest %d bytes", sum/1000, largest)
}

func TestMinute(t *testing.T) {
	f := func(in time.Time, want Minute) {
		t.Helper()
		if got := MinuteOf(in); got != want {
			t.Errorf("MinuteOf(%v) = %d; want %d", in, got, want)
		}
	}
	f(time.Time{}, 0)
	f(time.Unix(0, 0), 1)
	f(time.Unix(-1e9, 0), 1)
	f(time.Unix(119, 999), 1)
	f(time.Unix(120, 0), 2)
	f(time.Unix(1<<50, 0), 1<<32-1)
}

func TestRecordCheckRefuses(t *testing.T) {
	good, err := AppendRecord(nil, 5, time.Unix(1, 0), []Tag{{Key: 1, Weight: 3}, {Key: 1 << 33, Weight: 9, Expires: 77}})
	if err != nil {
		t.Fatal(err)
	}
	if err := Record(good).Check(); err != nil {
		t.Fatalf("good record: %v", err)
	}
	for i := range good {
		if err := Record(good[:i]).Check(); !errors.Is(err, ErrMalformed) {
			t.Errorf("first %d bytes: got %v; want ErrMalformed", i, err)
		}
	}
	if err := Record(append(good, 0)).Check(); !errors.Is(err, ErrMalformed) {
		t.Errorf("trailing byte: got %v; want ErrMalformed", err)
	}
}

// FuzzRecord reads garbage: no method may panic, and what passes Check must
// survive a round trip.
func FuzzRecord(f *testing.F) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	for _, tags := range [][]Tag{nil, {{Key: 1, Weight: 1}}, typicalTags(rand.New(rand.NewPCG(3, 4)), now)} {
		b, err := AppendRecord(nil, 9, now, tags)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b, now.Unix())
	}
	f.Fuzz(func(t *testing.T, b []byte, unix int64) {
		r := Record(b)
		now := time.Unix(unix, 0)
		live := r.AppendLive(nil, now)
		_, _ = r.Version(), r.Updated()
		if r.Check() != nil {
			return
		}
		tags := readTags(t, r)
		if len(tags) != r.Len() || len(live) > len(tags) {
			t.Fatalf("%d tags, %d live; Len says %d", len(tags), len(live), r.Len())
		}
		again, err := AppendRecord(nil, r.Version(), r.Updated(), tags)
		if err != nil {
			t.Fatalf("encode what was read: %v", err)
		}
		if got := readTags(t, again); !slices.Equal(got, tags) {
			t.Fatalf("got %v; want %v", got, tags)
		}
	})
}
