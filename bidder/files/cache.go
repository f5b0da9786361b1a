package files

import (
	"container/list"
	"sync"
)

// cache keeps the small files that were asked for last, up to a weight. Its lock is
// for whoever loads ads; bids don't take it.
type cache struct {
	max int64

	mu struct {
		sync.Mutex
		bytes  int64
		byName map[string]*list.Element // of *cached; each is in order
		order  *list.List               // the newest first
	}
}

type cached struct {
	name    string
	content []byte // nobody changes it
}

func newCache(max int64) *cache {
	c := &cache{max: max}
	c.mu.byName, c.mu.order = map[string]*list.Element{}, list.New()
	return c
}

func (c *cache) get(name string) ([]byte, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.mu.byName[name]
	if e == nil {
		return nil, false
	}
	c.mu.order.MoveToFront(e)
	return e.Value.(*cached).content, true
}

func (c *cache) put(name string, content []byte) {
	if int64(len(content)) > c.max {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.mu.byName[name] != nil {
		return
	}
	c.mu.byName[name] = c.mu.order.PushFront(&cached{name, content})
	for c.mu.bytes += int64(len(content)); c.mu.bytes > c.max; {
		oldest := c.mu.order.Remove(c.mu.order.Back()).(*cached)
		delete(c.mu.byName, oldest.name)
		c.mu.bytes -= int64(len(oldest.content))
	}
}
