package fabric

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/mmaudit/mmaudit/internal/fabricnet"
	"github.com/mmaudit/mmaudit/ledger"
	"github.com/mmaudit/mmaudit/ledger/fabric/chaincode"
	"github.com/mmaudit/mmaudit/ledger/ledgertest"
)

// victimDoes is the variable that makes the test program a client: "append" or
// "feed". Others say with what.
const (
	victimDoes    = "FABRIC_VICTIM"
	victimProfile = "FABRIC_VICTIM_PROFILE"
	victimFrom    = "FABRIC_VICTIM_FROM" // round of append, index of feed
)

// victimWriters is how many goroutines of one victim append.
const victimWriters = 6

func victimRecord(round, writer, i int) []byte {
	return ledgertest.Record(fmt.Sprintf("%d-%d-%d", round, writer, i), "content")
}

// victim goes on until it is killed, and says what it has done as it does it.
func victim(does string) error {
	p, err := LoadProfile(os.Getenv(victimProfile))
	if err != nil {
		return err
	}
	l, err := Open(p, ledgertest.KeysOf)
	if err != nil {
		return err
	}
	defer l.Close()
	var from int
	if _, err := fmt.Sscan(os.Getenv(victimFrom), &from); err != nil {
		return err
	}
	ctx := context.Background()
	if does == "feed" {
		for e, err := range l.Feed(ctx, int64(from)) {
			if err != nil {
				return err
			}
			fmt.Printf("%d %s\n", e.Index, ledger.RecordHash(e.Record))
		}
		return errors.New("a feed has ended")
	}
	failed := make(chan error)
	for w := range victimWriters {
		go func() {
			for i := 0; ; i++ {
				r, err := l.Append(ctx, victimRecord(from, w, i))
				if err != nil {
					failed <- err
					return
				}
				fmt.Printf("%d %d %d\n", w, i, r.Index)
			}
		}()
	}
	return <-failed
}

// prey runs a victim, gives say what it says line by line, and kills it some
// time, up to the given one, after say has had enough. What it said until then
// comes to say too.
func prey(t *testing.T, does, profile string, from int, most time.Duration, say func(line string) (enough bool)) {
	path, err := os.Executable()
	if err != nil {
		t.Error(err)
		return
	}
	cmd := exec.CommandContext(t.Context(), path)
	cmd.Env = append(os.Environ(), victimDoes+"="+does, victimProfile+"="+profile, fmt.Sprint(victimFrom, "=", from))
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		t.Error(err)
		return
	}
	killed := false
	lines := bufio.NewReader(out)
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			break // without a line break it was not said
		}
		if say(line) && !killed {
			killed = true
			time.AfterFunc(rand.N(most), func() { cmd.Process.Kill() })
		}
	}
	if cmd.Wait(); !killed && t.Context().Err() == nil {
		t.Errorf("%s has ended by itself: %v", does, cmd.ProcessState)
	}
}

// TestClientKilled kills clients that append, and one that follows, by kill -9
// at random moments. What a client said that it had stored is there; what it was
// at, it appends again; and each record is there once. The client that follows
// goes on in a new process after the last record that it told of.
func TestClientKilled(t *testing.T) {
	n, _ := network(t, fabricnet.Options{BatchTimeout: 100 * time.Millisecond}, "victims")
	who := issue(t, n, 0, "writer", chaincode.Writer)
	profile := filepath.Join(t.TempDir(), "profile.yaml")
	if err := os.WriteFile(profile, []byte(n.Profile("victims", who)), 0o644); err != nil {
		t.Fatal(err)
	}
	l := open(t, profileOf(t, n, "victims", who))

	var following sync.WaitGroup
	var fed []string
	writersDone := make(chan int, 1) // records that there are
	following.Go(func() {
		total, lives := -1, 0
		for total < 0 || len(fed) < total {
			lives++
			had := len(fed)
			prey(t, "feed", profile, len(fed), 20*time.Millisecond, func(line string) bool {
				var index int
				var hash string
				if _, err := fmt.Sscan(line, &index, &hash); err != nil || index != len(fed) {
					t.Errorf("the feed says %q after %d records", line, len(fed))
				}
				fed = append(fed, hash)
				select {
				case total = <-writersDone:
				default:
				}
				return len(fed) > had+5 || total >= 0 && len(fed) >= total
			})
			if t.Failed() {
				return
			}
		}
		t.Logf("fed %d records in %d lives", len(fed), lives)
	})

	const rounds = 8
	var all [][]byte
	again := 0
	for round := range rounds {
		var said [victimWriters][]int64 // indexes
		enough := rand.IntN(3 * victimWriters)
		acks := 0
		prey(t, "append", profile, round, 200*time.Millisecond, func(line string) bool {
			var w, i int
			var index int64
			if _, err := fmt.Sscan(line, &w, &i, &index); err != nil || i != len(said[w]) {
				t.Errorf("it says %q", line)
				return true
			}
			said[w] = append(said[w], index)
			acks++
			return acks > enough
		})
		// One record of each writer was on its way, or is stored and was not said.
		var wg sync.WaitGroup
		for w := range said {
			for i := range len(said[w]) + 1 {
				all = append(all, victimRecord(round, w, i))
				wg.Go(func() {
					r, err := l.Append(t.Context(), victimRecord(round, w, i))
					switch {
					case err != nil:
						t.Error(err)
					case i < len(said[w]) && (!r.Known || r.Index != said[w][i]):
						t.Errorf("record %d-%d-%d was said to be at %d: %+v", round, w, i, said[w][i], r)
					}
				})
			}
			again++
		}
		wg.Wait()
	}
	t.Logf("%d records, %d of them on their way when their client died", len(all), again)
	writersDone <- len(all)
	// What wakes the feed once more, if it has all.
	if _, err := l.Append(t.Context(), ledgertest.Record("last", "")); err != nil {
		t.Fatal(err)
	}
	all = append(all, ledgertest.Record("last", ""))
	following.Wait()
	everywhere(t, n, "victims", all)
	for e, err := range l.Scan(t.Context(), int64(len(fed)), 0) {
		if err != nil {
			t.Fatal(err)
		}
		if hash := fmt.Sprint(ledger.RecordHash(e.Record)); fed[e.Index] != hash {
			t.Errorf("the feed said %s of record %d, which has %s", fed[e.Index], e.Index, hash)
		}
	}
}

// everywhere asks each peer alone, as somebody who knows nothing: it has each of
// the records once, and nothing else, and all peers have one tree.
func everywhere(t *testing.T, n *fabricnet.Network, name string, records [][]byte) {
	t.Helper()
	var first ledger.Head
	for i := range n.Orgs {
		p := profileOf(t, n, name, issue(t, n, i, fmt.Sprint("reader-of-", name, i), ""))
		p.Peers = p.Peers[:1]
		l := open(t, p)
		missing := map[string]bool{}
		for _, r := range records {
			missing[string(r)] = true
		}
		for e, err := range l.Feed(t.Context(), 0) { // it may still be catching up
			if err != nil {
				t.Fatal(err)
			}
			if !missing[string(e.Record)] {
				t.Errorf("peer %d has %q at %d, which is there already or was not written", i, e.Record, e.Index)
			}
			delete(missing, string(e.Record))
			if e.Index == int64(len(records)-1) {
				break
			}
		}
		for r := range missing {
			t.Errorf("peer %d does not have %q", i, r)
		}
		h, err := l.Head(t.Context())
		switch {
		case err != nil:
			t.Fatal(err)
		case h.Size != int64(len(records)):
			t.Errorf("peer %d has %d records, want %d", i, h.Size, len(records))
		case i > 0 && h.Root != first.Root:
			t.Errorf("peer %d has another tree", i)
		}
		first = h
	}
}
