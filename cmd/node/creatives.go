package node

import (
	"context"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"go.uber.org/zap"

	"bidhawk/bidder/files"
	"bidhawk/campaigns"
	"bidhawk/campaigns/api"
	"bidhawk/campaigns/media"
	"bidhawk/internal/blob"
	"bidhawk/internal/blob/s3"
)

// Creatives is about the files that advertisers upload.
type Creatives struct {
	// PublicURL is what their addresses begin with: a CDN's address whose origin is /c
	// of the bid listener. Empty: that itself, below public_url.
	PublicURL string        `yaml:"public_url"`
	Store     string        `yaml:"store"` // disk, in the data directory, or s3
	S3        S3            `yaml:"s3"`
	Grace     time.Duration `yaml:"grace"`       // how long a file stays that nothing refers to any more
	SweepEach time.Duration `yaml:"sweep_every"` // how often that is looked after
	Limits    MediaLimits   `yaml:"limits"`
	CacheSize int64         `yaml:"cache_bytes"` // of small files in memory
	MaxReads  int           `yaml:"max_reads"`   // of larger ones at once
}

// S3 is a bucket of an S3-compatible store.
type S3 struct {
	Endpoint        string        `yaml:"endpoint"` // host:port
	Bucket          string        `yaml:"bucket"`
	Region          string        `yaml:"region"`
	Prefix          string        `yaml:"prefix"`           // of all keys, such as creatives/
	CredentialsFile string        `yaml:"credentials_file"` // access key and secret key, a line each
	Insecure        bool          `yaml:"insecure"`         // HTTP, on this machine alone
	Timeout         time.Duration `yaml:"timeout"`
}

// MediaLimits bounds what is taken.
type MediaLimits struct {
	ImageBytes    int64         `yaml:"image_bytes"`
	ZipBytes      int64         `yaml:"zip_bytes"`
	UnpackedBytes int64         `yaml:"unpacked_bytes"`
	ZipFiles      int           `yaml:"zip_files"`
	VideoBytes    int64         `yaml:"video_bytes"`
	AudioBytes    int64         `yaml:"audio_bytes"`
	VASTBytes     int64         `yaml:"vast_bytes"`
	Animation     time.Duration `yaml:"animation"`
}

func defaultCreatives() Creatives {
	f := files.DefaultConfig()
	return Creatives{
		Store: "disk", Grace: 7 * 24 * time.Hour, SweepEach: time.Hour, Limits: MediaLimits(media.DefaultLimits()),
		CacheSize: f.CacheBytes, MaxReads: f.MaxReads, S3: S3{Timeout: 10 * time.Second},
	}
}

func (c *Config) checkCreatives() error {
	v := c.Creatives
	if err := media.Limits(v.Limits).Validate(); err != nil {
		return fmt.Errorf("setting creatives.limits.%w", err)
	}
	switch {
	case v.Store != "disk" && v.Store != "s3":
		return wrong("creatives.store", v.Store, "disk or s3")
	case v.Grace < time.Hour:
		return wrong("creatives.grace", v.Grace, "at least 1h: pages that were sold a while ago still load their ads")
	case v.SweepEach < time.Second:
		return wrong("creatives.sweep_every", v.SweepEach, "at least 1s")
	case v.CacheSize < 0 || v.CacheSize > 64<<30:
		return wrong("creatives.cache_bytes", v.CacheSize, "0 to 68719476736")
	case v.MaxReads < 1 || v.MaxReads > 65_536:
		return wrong("creatives.max_reads", v.MaxReads, "1 to 65536")
	}
	if v.PublicURL != "" {
		u, err := url.Parse(v.PublicURL)
		if err != nil || u.Host == "" || (u.Scheme != "https" && !loopback(u.Hostname())) || u.RawQuery != "" || u.User != nil || strings.HasSuffix(u.Path, "/") {
			return wrong("creatives.public_url", v.PublicURL, "an https address without a slash at its end, such as https://cdn.example/c")
		}
	}
	if v.Store == "s3" {
		cfg := v.S3.config("a", "b")
		if err := cfg.Validate(); err != nil {
			return fmt.Errorf("setting creatives.s3.%w", err)
		}
		if v.S3.CredentialsFile == "" {
			return wrong("creatives.s3.credentials_file", "", "a file with the access key and the secret key, a line each")
		}
		if host, _, _ := strings.Cut(v.S3.Endpoint, ":"); v.S3.Insecure && !loopback(host) {
			return wrong("creatives.s3.insecure", true, "false beyond this machine")
		}
	}
	return nil
}

func (s S3) config(access, secret string) s3.Config {
	return s3.Config{Endpoint: s.Endpoint, Bucket: s.Bucket, Region: s.Region, Prefix: s.Prefix, AccessKey: access, SecretKey: secret,
		Insecure: s.Insecure, Timeout: s.Timeout}
}

// openFiles opens the store of uploaded creatives. On disk it belongs to a node
// that has both the API, which writes there, and the bidder, which serves from it;
// where they are apart it takes s3.
func (n *Node) openFiles(ctx context.Context) error {
	v := n.cfg.Creatives
	switch {
	case v.Store == "s3":
		cfg, err := v.S3.credentials()
		if err != nil {
			return err
		}
		ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
		defer cancel()
		store, err := s3.Open(ctx, cfg)
		if err != nil {
			return fmt.Errorf("setting creatives.s3: %w", err)
		}
		n.files = store
	case n.cfg.has(RoleAPI) && n.cfg.has(RoleBidder):
		dir, err := blob.OpenDir(n.cfg.path("files"))
		if err != nil {
			return fmt.Errorf("open uploaded creatives: %w", err)
		}
		n.onClose(dir.Close)
		n.files = dir
	default:
		return nil
	}
	if n.cfg.has(RoleBidder) {
		n.fileServer = files.New(files.Config{CacheBytes: v.CacheSize, MaxReads: v.MaxReads, Timeout: files.DefaultConfig().Timeout},
			n.files, n.logger.Named("files"))
	}
	return nil
}

func (s S3) credentials() (s3.Config, error) {
	b, err := os.ReadFile(s.CredentialsFile)
	if err != nil {
		return s3.Config{}, wrong("creatives.s3.credentials_file", s.CredentialsFile, "a file that can be read: "+err.Error())
	}
	lines := strings.Fields(string(b))
	if len(lines) != 2 {
		return s3.Config{}, wrong("creatives.s3.credentials_file", s.CredentialsFile, fmt.Sprintf("the access key and the secret key, a line each; it has %d", len(lines)))
	}
	return s.config(lines[0], lines[1]), nil
}

// uploads takes files for the API; nil where there is no store for them.
func (n *Node) uploads() (api.Uploads, error) {
	if n.files == nil {
		return nil, nil
	}
	return media.NewLibrary(n.files, media.Limits(n.cfg.Creatives.Limits), n.cfg.path("uploads"))
}

// sweepFiles deletes uploaded files that nothing refers to any more.
func (n *Node) sweepFiles(ctx context.Context) error {
	s := media.Sweeper{Files: n.files, Store: n.store, Now: Clock, Grace: n.cfg.Creatives.Grace}
	for pause(ctx, n.cfg.Creatives.SweepEach) == nil {
		swept, err := s.Sweep(ctx)
		if err != nil && ctx.Err() == nil {
			n.logger.Warn("uploaded files can't be swept; trying again", zap.Error(err))
		}
		if swept.Deleted > 0 {
			n.logger.Info("swept uploaded files", zap.Int("deleted", swept.Deleted), zap.Int64("bytes", swept.Bytes), zap.Int("kept", swept.Kept))
		}
	}
	return nil
}

func (n *Node) refusedUpload(by campaigns.Principal, advertiser campaigns.ID, why *campaigns.ValidationError) {
	n.logger.Warn("an upload was refused", zap.String("who", by.Actor()),
		zap.Int64("advertiser", int64(advertiser)), zap.Error(why))
}
