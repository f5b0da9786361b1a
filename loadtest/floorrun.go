package loadtest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"
)

// FloorConfig says how the bare server is measured beside the target.
type FloorConfig struct {
	// Command starts a FloorServer as a child and is killed at the end: its first
	// line on stdout is "listening on HOST:PORT". Typically the own executable
	// with "floor-server".
	Command []string
	// Pairs of slices, one of each server, at least 5; Config.Duration is spread
	// over them.
	Pairs int
	// TargetPID is the server's process; 0 finds the one that listens on Target.
	TargetPID int
}

const minSlice = 100 * time.Millisecond

func (f FloorConfig) validate() error {
	if len(f.Command) == 0 {
		return errors.New("loadtest: floor command: empty: want the command of a floor server")
	}
	return errors.Join(between("floor-pairs", float64(f.Pairs), 5, 1000), between("target-pid", float64(f.TargetPID), 0, 1<<30))
}

// FloorReport compares the target with a bare fasthttp server that reads the
// same bodies. Both were driven by the same closed loop on the same machine, in
// turn, with bid requests alone; each ratio is that of one pair of neighbouring
// slices, so that what else the machine does touches both sides alike.
type FloorReport struct {
	Pairs    int     `json:"pairs"`
	SliceMS  int64   `json:"slice_ms"`
	Target   Side    `json:"target"`
	Floor    Side    `json:"floor"`
	RPSRatio Spread  `json:"rps_ratio"` // target / floor: 1 is as fast as a bare server
	CPURatio Spread  `json:"cpu_ratio"` // floor / target CPU per request
	BidRate  float64 `json:"bid_rate"`  // share of the target's answers that were 200
}

// Side is one server's part.
type Side struct {
	RPS          Spread `json:"rps"`
	CPUMicros    Spread `json:"cpu_us_per_request"`
	Requests     int64  `json:"requests"`
	HTTPErrors   int64  `json:"http_errors"`
	LatencyP99US int64  `json:"latency_p99_us"`
}

// Spread is a median with the least and the greatest of the slices.
type Spread struct {
	Min    float64 `json:"min"`
	Median float64 `json:"median"`
	Max    float64 `json:"max"`
}

func spread(v []float64) Spread {
	slices.Sort(v)
	mid := (v[(len(v)-1)/2] + v[len(v)/2]) / 2
	return Spread{Min: v[0], Median: mid, Max: v[len(v)-1]}
}

// slice is what one server did in one slice of time.
type slice struct{ rps, cpuMicros float64 }

// runFloor measures target and floor in turn and reports on the target.
func runFloor(ctx context.Context, cfg Config, p *pool, out io.Writer) (*Result, error) {
	pid := cfg.FloorWith.TargetPID
	if pid == 0 {
		var err error
		if pid, err = listenerPID(address(cfg.Target)); err != nil {
			return nil, fmt.Errorf("loadtest: target-pid: %w", err)
		}
	}
	child, err := startFloor(ctx, cfg.FloorWith.Command)
	if err != nil {
		return nil, err
	}
	defer child.stop()
	pairs := cfg.FloorWith.Pairs
	m := &floorMeter{cfg: cfg, slice: max(cfg.Duration/time.Duration(2*pairs), minSlice)}
	target := m.side(cfg, p, pid)
	floorCfg := cfg
	floorCfg.Target = "http://" + child.addr
	floor := m.side(floorCfg, p, child.pid())
	start := cfg.Now()
	// One slice of each first, to warm both up; not counted.
	for i := -1; i < pairs; i++ {
		first, second := floor, target
		if i%2 != 0 {
			first, second = target, floor
		}
		for _, s := range []*floorSide{first, second} {
			if err := s.measure(ctx, i >= 0); err != nil {
				return nil, err
			}
		}
	}
	r := target.tally.result(cfg.Currency, cfg.Now().Sub(start))
	r.FloorReport = m.report(target, floor)
	r.RPS = r.FloorReport.Target.RPS.Median
	r.Mode, r.BodyBytes = "floor, "+cfg.mode(), median(p.sizes())
	return r, r.FloorReport.print(out, r.BodyBytes)
}

// floorMeter holds what both sides share.
type floorMeter struct {
	cfg   Config
	slice time.Duration
}

// floorSide drives one server, slice after slice, on the same requests.
type floorSide struct {
	cfg    Config
	pool   *pool
	pid    int
	seq    uint64
	tally  *tally
	slices []slice
}

func (m *floorMeter) side(cfg Config, p *pool, pid int) *floorSide {
	cfg.Rate, cfg.Duration, cfg.Count, cfg.OnProgress = 0, m.slice, 0, nil
	return &floorSide{cfg: cfg, pool: p, pid: pid, tally: newTally()}
}

func (s *floorSide) measure(ctx context.Context, counted bool) error {
	d := &drive{cfg: s.cfg, pool: s.pool, tally: newTally()}
	if counted {
		d.tally = s.tally
	}
	d.seq.Store(s.seq)
	before, start, cpu0, err := d.tally.sent.Load(), s.cfg.Now(), time.Duration(0), error(nil)
	if cpu0, err = processCPU(s.pid); err != nil {
		return fmt.Errorf("loadtest: floor: %w", err)
	}
	if err := d.run(ctx); err != nil {
		return err
	}
	elapsed := s.cfg.Now().Sub(start)
	cpu1, err := processCPU(s.pid)
	if err != nil {
		return fmt.Errorf("loadtest: floor: %w", err)
	}
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("loadtest: floor: %w", err)
	}
	s.seq = d.seq.Load()
	n := float64(d.tally.sent.Load() - before)
	if n == 0 {
		return fmt.Errorf("loadtest: floor: %s answered nothing in %s", s.cfg.Target, s.cfg.Duration)
	}
	if counted {
		s.slices = append(s.slices, slice{n / elapsed.Seconds(), float64((cpu1 - cpu0).Microseconds()) / n})
	}
	return nil
}

func (s *floorSide) report() Side {
	var rps, cpu []float64
	for _, v := range s.slices {
		rps, cpu = append(rps, v.rps), append(cpu, v.cpuMicros)
	}
	return Side{
		RPS: spread(rps), CPUMicros: spread(cpu), Requests: s.tally.sent.Load(),
		HTTPErrors: s.tally.httpErrors.Load(), LatencyP99US: s.tally.latency.quantiles().P99,
	}
}

func (m *floorMeter) report(target, floor *floorSide) *FloorReport {
	r := &FloorReport{
		Pairs: len(target.slices), SliceMS: m.slice.Milliseconds(), Target: target.report(), Floor: floor.report(),
		BidRate: percent(target.tally.bids.Load(), target.tally.sent.Load()) / 100,
	}
	var rps, cpu []float64
	for i, t := range target.slices {
		rps = append(rps, t.rps/floor.slices[i].rps)
		if t.cpuMicros > 0 {
			cpu = append(cpu, floor.slices[i].cpuMicros/t.cpuMicros)
		}
	}
	r.RPSRatio = spread(rps)
	if len(cpu) > 0 {
		r.CPURatio = spread(cpu)
	}
	return r
}

func (r *FloorReport) print(out io.Writer, bodyBytes int) error {
	row := func(name string, s Spread, format string) string {
		f := func(v float64) string { return fmt.Sprintf(format, v) }
		return fmt.Sprintf("  %-34s %10s %10s %10s\n", name, f(s.Median), f(s.Min), f(s.Max))
	}
	_, err := io.WriteString(out, fmt.Sprintf("floor: %d pairs of %d ms, median body %d bytes, bid rate %.1f%%, %d + %d http errors\n",
		r.Pairs, r.SliceMS, bodyBytes, 100*r.BidRate, r.Target.HTTPErrors, r.Floor.HTTPErrors)+
		fmt.Sprintf("  %-34s %10s %10s %10s\n", "", "median", "min", "max")+
		row("bare server, requests/s", r.Floor.RPS, "%.0f")+
		row("target, requests/s", r.Target.RPS, "%.0f")+
		row("bare server, CPU us/request", r.Floor.CPUMicros, "%.1f")+
		row("target, CPU us/request", r.Target.CPUMicros, "%.1f")+
		row("ratio of requests/s", r.RPSRatio, "%.3f")+
		row("ratio of CPU (bare / target)", r.CPURatio, "%.3f"))
	return err
}

// floorChild is a FloorServer in its own process.
type floorChild struct {
	cmd  *exec.Cmd
	addr string
}

func startFloor(ctx context.Context, command []string) (*floorChild, error) {
	cmd := exec.CommandContext(ctx, command[0], command[1:]...)
	stdout, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		return nil, fmt.Errorf("loadtest: floor command %q: %w", command[0], err)
	}
	c := &floorChild{cmd: cmd}
	line, err := bufio.NewReader(stdout).ReadString('\n')
	addr, ok := strings.CutPrefix(strings.TrimSpace(line), listeningOn)
	if err != nil || !ok {
		c.stop()
		return nil, fmt.Errorf("loadtest: floor command %q: first line %q: want %qHOST:PORT", command[0], line, listeningOn)
	}
	c.addr = addr
	return c, nil
}

func (c *floorChild) pid() int { return c.cmd.Process.Pid }

// stop kills the child and waits for it: it holds nothing that could be lost.
func (c *floorChild) stop() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}
