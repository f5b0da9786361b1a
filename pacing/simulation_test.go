package pacing

import (
	"fmt"
	"hash/fnv"
	"os"
	"testing"
	"time"
)

// What every run of the tests plays; `make sim` plays 10,000 seeds of 20,000
// auctions (BIDHAWK_SIM_SEEDS, BIDHAWK_SIM_AUCTIONS; BIDHAWK_SIM_SEED replays one).
const simTestSeeds = 200

func TestSimulation(t *testing.T) {
	first, seeds := 1, simNumber(t, "BIDHAWK_SIM_SEEDS", simTestSeeds)
	if one := simNumber(t, "BIDHAWK_SIM_SEED", 0); one > 0 {
		first, seeds = one, 1
	} else if from := simNumber(t, "BIDHAWK_SIM_FROM", 1); from > 1 {
		first = from
	}
	o := simOptions{auctions: simNumber(t, "BIDHAWK_SIM_AUCTIONS", simTestAuctions)}
	start := time.Now()
	var until time.Time
	if minutes := simNumber(t, "BIDHAWK_SIM_MINUTES", 0); minutes > 0 {
		until = start.Add(time.Duration(minutes) * time.Minute)
	}
	sum, broken := playSeeds(uint64(first), seeds, until, o, simProgress(seeds))
	if broken != nil {
		t.Fatalf("%s\nreplay: make sim SEED=%d AUCTIONS=%d", broken.story(o), broken.seed, o.auctions)
	}
	if os.Getenv("BIDHAWK_SIM_SEEDS") != "" || seeds == 1 {
		sum.write(os.Stdout, 0, time.Since(start))
	} else {
		t.Logf("%d seeds of %d auctions, records %v, outcomes %v, faults %v, %v", sum.seeds, o.auctions, sum.types, sum.outcomes, sum.faults, time.Since(start))
	}
	if seeds < simTestSeeds {
		return
	}
	for _, o := range Outcomes() {
		if sum.outcomes[o] == 0 {
			t.Errorf("no notice was ever %s: the simulation does not reach that rule", o)
		}
	}
	for _, k := range simTypes {
		if sum.types[k] == 0 {
			t.Errorf("no record was ever a %s", k)
		}
	}
	for k, n := range sum.faults {
		if n == 0 {
			t.Errorf("%q never happened", simFault(k))
		}
	}
}

// A seed that does not replay exactly cannot be debugged.
func TestSimulationReplays(t *testing.T) {
	f := func(seed uint64) {
		t.Helper()
		var sums [2]string
		for i := range sums {
			w, err := playSim(seed, simOptions{auctions: 500, tracing: i == 1})
			if err != nil {
				t.Fatal(err)
			}
			h := fnv.New64a()
			for _, p := range w.log.parts {
				for _, r := range p.records {
					h.Write(r.Value)
				}
			}
			sums[i] = fmt.Sprintf("%x %+v", h.Sum64(), w.figures)
		}
		if sums[0] != sums[1] {
			t.Errorf("seed %d: %s\nand then %s", seed, sums[0], sums[1])
		}
	}
	for seed := uint64(1); seed <= 10; seed++ {
		f(seed)
	}
}

// Every planted hole must be found, or the simulation proves nothing.
// BIDHAWK_SIM_MUTANTS looks as far as that seed.
func TestSimulationFindsPlantedHoles(t *testing.T) {
	o := simOptions{auctions: simNumber(t, "BIDHAWK_SIM_AUCTIONS", simTestAuctions)}
	seeds := simNumber(t, "BIDHAWK_SIM_MUTANTS", 150)
	table := os.Getenv("BIDHAWK_SIM_MUTANTS") != ""
	if table {
		fmt.Printf("| planted | found at seed | what was said |\n|---|---|---|\n")
	}
	for _, plant := range simPlants() {
		if plant.slow && !table {
			continue
		}
		o.plant = plant
		_, broken := playSeeds(1, seeds, time.Time{}, o, nil)
		switch {
		case broken == nil:
			t.Errorf("%s: not found in %d seeds", plant.name, seeds)
		case table:
			fmt.Printf("| %s | %d | %.260v |\n", plant.name, broken.seed, broken.err)
		default:
			t.Logf("%s: seed %d: %.200v", plant.name, broken.seed, broken.err)
		}
	}
}
