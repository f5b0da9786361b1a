// Command bidhawk is a demand-side platform server: it answers OpenRTB bid
// requests, keeps budgets to the nano, and reports what the money brought.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"text/tabwriter"
	_ "time/tzdata" // advertisers' zones, on machines without a zone database

	"github.com/alecthomas/kong"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"bidhawk/campaigns"
	"bidhawk/cmd/node"
)

var version = "unknown" // set by the linker

type commands struct {
	Serve       serveCommand       `cmd:"" help:"Run a node: bidder, pacer, profiler, attributor, API and console."`
	Demo        demoCommand        `cmd:"" help:"Run a node with demo campaigns and a simulated exchange, and reconcile."`
	Loadtest    loadtestCommand    `cmd:"" help:"Be an exchange: send bid requests, clear auctions, deliver notices."`
	Audience    audienceCommand    `cmd:"" help:"Work with audience tags."`
	User        userCommand        `cmd:"" help:"Let people sign in to the console."`
	Audit       auditCommand       `cmd:"" help:"Recompute every balance from the money log and compare with the ledger."`
	Ledger      ledgerCommand      `cmd:"" help:"Statements, payments, corrections, and rebuilding of the ledger."`
	Reconcile   reconcileCommand   `cmd:"" help:"Compare an exchange's daily report with our books."`
	Explain     explainCommand     `cmd:"" help:"Say what the bidder does with a bid request, and why."`
	Exposures   exposuresCommand   `cmd:"" help:"Work with what users have been shown."`
	Kill        killCommand        `cmd:"" help:"Stop bids at once, through a running node."`
	Release     releaseCommand     `cmd:"" help:"Let bids go on that a kill switch or breaker has stopped."`
	Brakes      brakesCommand      `cmd:"" help:"List what stops bidding, why, since when, and how to release it."`
	Supply      supplyCommand      `cmd:"" help:"Work with what is known of who may sell."`
	Replay      replayCommand      `cmd:"" help:"Run the pacing and bidding code over recorded auctions."`
	Check       checkCommand       `cmd:"" help:"Check a configuration file and say what is in force."`
	Version     versionCommand     `cmd:"" help:"Print the version."`
	Bench       benchCommand       `cmd:"" help:"Measure a whole node over HTTP against a bare server."`
	FloorServer floorServerCommand `cmd:"" hidden:"" help:"Bare HTTP server that answers a canned bid, for loadtest --floor."`
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c commands
	k := kong.Parse(&c, kong.Name("bidhawk"),
		kong.Description("An open-source demand-side platform server."), kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Vars{"scopes": strings.Join(campaigns.KillScopes(), ", ")})
	if err := k.Run(); err != nil {
		fmt.Fprintln(os.Stderr, "bidhawk: "+oneLine(err))
		stop()
		code := 1
		if e := (*exitError)(nil); errors.As(err, &e) {
			code = e.code
		}
		os.Exit(code) //nolint:gocritic // stop has run
	}
}

// oneLine joins the lines of an error: a command fails with one line.
func oneLine(err error) string {
	return strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' }), "; ")
}

// configFlag is the configuration that most commands read.
type configFlag struct {
	Config string `help:"Configuration file; environment variables BIDHAWK_... go over it." default:"configs/dev.yaml" type:"path"`
}

func (f configFlag) load() (node.Config, error) { return node.Load(f.Config, os.Environ()) }

// client asks the running node that the configuration is of.
func (f configFlag) client() (*client, error) {
	cfg, err := f.load()
	if err != nil {
		return nil, err
	}
	return newClient(cfg)
}

// newLogger is the process's log: JSON lines, sampled so that a fault repeated
// a million times does not fill the disk.
func newLogger(level string) (*zap.Logger, error) {
	l, err := zapcore.ParseLevel(level)
	if err != nil {
		return nil, &node.SettingError{Setting: "log.level", Value: level, Want: "debug, info, warn or error"}
	}
	cfg := zap.NewProductionConfig()
	cfg.Level = zap.NewAtomicLevelAt(l)
	cfg.EncoderConfig.TimeKey, cfg.EncoderConfig.EncodeTime = "time", zapcore.RFC3339NanoTimeEncoder
	cfg.OutputPaths = []string{"stderr"}
	cfg.DisableStacktrace, cfg.DisableCaller = true, true
	return cfg.Build()
}

type serveCommand struct {
	configFlag
	Roles []string `help:"Roles of this node (default: all)."`
}

func (c *serveCommand) Run(ctx context.Context) error {
	cfg, err := c.load()
	if err != nil {
		return err
	}
	if len(c.Roles) > 0 {
		cfg.Roles = c.Roles
		if err := cfg.Validate(); err != nil {
			return err
		}
	}
	logger, err := newLogger(cfg.Log.Level)
	if err != nil {
		return err
	}
	defer func() { _ = logger.Sync() }() // stderr refuses to sync on some systems
	n, err := node.New(ctx, cfg, logger)
	if err != nil {
		return err
	}
	return n.Run(ctx)
}

type checkCommand struct{ configFlag }

func (c *checkCommand) Run() error { return check(os.Stdout, c.Config, os.Environ()) }

// check prints every setting in force, or fails with the first that is wrong.
// It opens nothing but the files that the settings name.
func check(w io.Writer, path string, environ []string) error {
	cfg, err := node.Load(path, environ)
	if err != nil {
		return err
	}
	tags, err := node.OpenTaxonomy(cfg)
	if err != nil {
		return err
	}
	fmt.Fprintf(w, "%s: good; with the environment's BIDHAWK_ variables over it these settings are in force\n", path)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, s := range cfg.Settings() {
		fmt.Fprintf(t, "  %s\t%s\n", s[0], s[1])
	}
	if err := t.Flush(); err != nil {
		return err
	}
	fmt.Fprintf(w, "The taxonomy has %d tags.\n", len(tags.Tags()))
	return cfg.CheckFiles(func(note string) { fmt.Fprintln(w, note) })
}

type versionCommand struct{}

func (versionCommand) Run() error {
	fmt.Println("bidhawk " + version)
	return nil
}
