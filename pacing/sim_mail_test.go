package pacing

import (
	"container/heap"
	"time"
)

// simMail is what is on its way: notices, requests, answers, each with its
// instant. What is sent for the same instant arrives in the order sent.
type simMail struct {
	heap simMailHeap
	seq  int
}

type simLetter struct {
	at     time.Time
	seq    int
	notice *simNotice // or else
	do     func()
}

func (w *simWorld) send(after time.Duration, l simLetter) {
	w.mail.seq++
	l.at, l.seq = w.now.Add(after), w.mail.seq
	heap.Push(&w.mail.heap, l)
}

// deliver hands out what is due.
func (w *simWorld) deliver() {
	for len(w.mail.heap) > 0 && !w.mail.heap[0].at.After(w.now) {
		l := heap.Pop(&w.mail.heap).(simLetter)
		w.figures.steps++
		if l.notice != nil {
			w.exchange.deliver(l.notice)
		} else {
			l.do()
		}
	}
}

type simMailHeap []simLetter

func (h simMailHeap) Len() int { return len(h) }
func (h simMailHeap) Less(i, j int) bool {
	if h[i].at.Equal(h[j].at) {
		return h[i].seq < h[j].seq
	}
	return h[i].at.Before(h[j].at)
}
func (h simMailHeap) Swap(i, j int) { h[i], h[j] = h[j], h[i] }
func (h *simMailHeap) Push(x any)   { *h = append(*h, x.(simLetter)) }
func (h *simMailHeap) Pop() any {
	last := len(*h) - 1
	l := (*h)[last]
	(*h)[last] = simLetter{}
	*h = (*h)[:last]
	return l
}
