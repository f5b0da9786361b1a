package kafka

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	kafkago "github.com/segmentio/kafka-go"

	"bidhawk/internal/eventlog"
)

// retry calls f until it succeeds, its error is permanent, or ctx or RetryFor
// ends. what and the brokers' addresses go into the error, and so does f's last
// error when time ran out.
func (l *Log) retry(ctx context.Context, what string, f func(context.Context) error) error {
	caller := ctx
	ctx, cancel := context.WithTimeout(ctx, l.cfg.RetryFor)
	defer cancel()
	var last error
	for pause := l.cfg.RetryMin; ctx.Err() == nil; pause = min(2*pause, l.cfg.RetryMax) {
		err := f(ctx)
		if err == nil {
			return nil
		}
		if !over(ctx) || last == nil {
			last = err // the error before the deadline says more than the deadline
		}
		if permanent(err) {
			return l.wrap(what, translate(err))
		}
		wait(ctx, pause)
	}
	if err := caller.Err(); err != nil {
		return l.wrap(what, errors.Join(err, translate(last)))
	}
	return l.wrap(what, fmt.Errorf("gave up after %v: %w", l.cfg.RetryFor, translate(last)))
}

// over reports that ctx has ended or its deadline has passed: connections that
// inherit the deadline fail by it before ctx's own timer has fired.
func over(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ctx.Err() != nil || ok && !time.Now().Before(deadline)
}

func (l *Log) wrap(what string, err error) error {
	return fmt.Errorf("kafka %s (brokers %s): %w", what, strings.Join(l.cfg.Brokers, ","), err)
}

func wait(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-ctx.Done():
	}
}

// permanent reports an answer that trying again does not change. Everything
// that is not an answer (connections, leaders unknown to the client) may pass;
// so may Unknown, which kafka-go also puts where a broker's connection broke
// under a request to several (protocol/listoffsets: Merge).
func permanent(err error) bool {
	if errors.Is(err, errPolicy) {
		return true
	}
	var answer kafkago.Error
	return errors.As(err, &answer) && !answer.Temporary() && answer != kafkago.Unknown
}

// translate adds the contract's error to Kafka's own.
func translate(err error) error {
	switch {
	case errors.Is(err, kafkago.UnknownTopicOrPartition):
		return fmt.Errorf("%w: %w", eventlog.ErrUnknownTopic, err)
	case errors.Is(err, kafkago.MessageSizeTooLarge), errors.Is(err, kafkago.RecordListTooLarge):
		return fmt.Errorf("%w: %w", eventlog.ErrTooLarge, err)
	case errors.Is(err, kafkago.OffsetOutOfRange):
		return fmt.Errorf("%w: %w", eventlog.ErrOffsetOutOfRange, err)
	}
	return err
}
