// Package s3 keeps files in a bucket of an S3-compatible store.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"

	"bidhawk/internal/blob"
)

// Config says where the bucket is.
type Config struct {
	Endpoint  string // host:port
	Bucket    string
	Region    string // empty: asked of the store
	Prefix    string // of every key, ending with a slash; may be empty
	AccessKey string
	SecretKey string
	Insecure  bool // HTTP: on loopback, for tests
	// Timeout bounds the wait for the head of an answer; 0 is 10 s.
	Timeout time.Duration
}

// Validate names the field that is wrong, never the secret.
func (c Config) Validate() error {
	switch {
	case c.Endpoint == "" || strings.Contains(c.Endpoint, "/"):
		return fmt.Errorf("endpoint: got %q; want host or host:port", c.Endpoint)
	case c.Bucket == "":
		return errors.New("bucket: got none; want a bucket's name")
	case c.Prefix != "" && (!strings.HasSuffix(c.Prefix, "/") || blob.CheckKey(strings.TrimSuffix(c.Prefix, "/")) != nil):
		return fmt.Errorf("prefix: got %q; want nothing, or names that end with a slash, such as creatives/", c.Prefix)
	case c.AccessKey == "" || c.SecretKey == "":
		return errors.New("access key and secret key: want both")
	case c.Timeout < 0:
		return fmt.Errorf("timeout: got %s; must not be negative", c.Timeout)
	}
	return nil
}

// Store implements blob.Store.
type Store struct {
	cfg    Config
	client *minio.Client
}

// Open checks that the bucket is there and may be read.
func Open(ctx context.Context, cfg Config) (*Store, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 10 * time.Second
	}
	transport, err := minio.DefaultTransport(!cfg.Insecure)
	if err != nil {
		return nil, fmt.Errorf("open bucket %q at %s: %w", cfg.Bucket, cfg.Endpoint, err)
	}
	transport.ResponseHeaderTimeout = cfg.Timeout
	client, err := minio.New(cfg.Endpoint, &minio.Options{
		Creds: credentials.NewStaticV4(cfg.AccessKey, cfg.SecretKey, ""), Secure: !cfg.Insecure, Region: cfg.Region,
		Transport: transport, MaxRetries: 3,
	})
	if err != nil {
		return nil, fmt.Errorf("open bucket %q at %s: %w", cfg.Bucket, cfg.Endpoint, err)
	}
	s := &Store{cfg, client}
	found, err := client.BucketExists(ctx, cfg.Bucket)
	if err == nil && !found {
		err = errors.New("there is no such bucket")
	}
	if err != nil {
		return nil, fmt.Errorf("open bucket %q at %s: %w", cfg.Bucket, cfg.Endpoint, err)
	}
	return s, nil
}

// Put implements blob.Store.
func (s *Store) Put(ctx context.Context, key string, r io.Reader, size int64) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	_, err := s.client.PutObject(ctx, s.cfg.Bucket, s.cfg.Prefix+key, r, size, minio.PutObjectOptions{SendContentMd5: true})
	if err != nil {
		return fmt.Errorf("put %q: %w", key, err)
	}
	return nil
}

// Open implements blob.Store. It asks for the head first: an error must not come
// with the first read, when an answer has begun.
func (s *Store) Open(ctx context.Context, key string, offset, length int64) (io.ReadCloser, error) {
	if err := blob.CheckKey(key); err != nil {
		return nil, err
	}
	if length == 0 {
		if _, err := s.Stat(ctx, key); err != nil {
			return nil, err
		}
		return http.NoBody, nil
	}
	var o minio.GetObjectOptions
	end := int64(0)
	if length > 0 {
		end = offset + length - 1
	}
	if offset > 0 || length > 0 {
		if err := o.SetRange(offset, end); err != nil {
			return nil, fmt.Errorf("open %q: %w", key, err)
		}
	}
	core := minio.Core{Client: s.client}
	body, _, _, err := core.GetObject(ctx, s.cfg.Bucket, s.cfg.Prefix+key, o)
	if err != nil {
		return nil, fmt.Errorf("open %q: %w", key, missing(err))
	}
	return body, nil
}

// Stat implements blob.Store.
func (s *Store) Stat(ctx context.Context, key string) (blob.Info, error) {
	if err := blob.CheckKey(key); err != nil {
		return blob.Info{}, err
	}
	o, err := s.client.StatObject(ctx, s.cfg.Bucket, s.cfg.Prefix+key, minio.StatObjectOptions{})
	if err != nil {
		return blob.Info{}, fmt.Errorf("look at %q: %w", key, missing(err))
	}
	return blob.Info{Key: key, Size: o.Size, Modified: o.LastModified}, nil
}

// Delete implements blob.Store.
func (s *Store) Delete(ctx context.Context, key string) error {
	if err := blob.CheckKey(key); err != nil {
		return err
	}
	err := s.client.RemoveObject(ctx, s.cfg.Bucket, s.cfg.Prefix+key, minio.RemoveObjectOptions{})
	if err != nil && !errors.Is(missing(err), blob.ErrNotFound) {
		return fmt.Errorf("delete %q: %w", key, err)
	}
	return nil
}

// List implements blob.Store.
func (s *Store) List(ctx context.Context, prefix string) iter.Seq2[blob.Info, error] {
	return func(yield func(blob.Info, error) bool) {
		ctx, cancel := context.WithCancel(ctx) // ends the client's goroutine
		defer cancel()
		for o := range s.client.ListObjects(ctx, s.cfg.Bucket, minio.ListObjectsOptions{Prefix: s.cfg.Prefix + prefix, Recursive: true}) {
			if o.Err != nil {
				yield(blob.Info{}, fmt.Errorf("list files: %w", o.Err))
				return
			}
			if !yield(blob.Info{Key: strings.TrimPrefix(o.Key, s.cfg.Prefix), Size: o.Size, Modified: o.LastModified}, nil) {
				return
			}
		}
	}
}

func missing(err error) error {
	if code := minio.ToErrorResponse(err).Code; code == "NoSuchKey" || code == "NotFound" {
		return blob.ErrNotFound
	}
	return err
}
