package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
	"github.com/mmaudit/mmaudit/audit/keys"
	"github.com/mmaudit/mmaudit/audit/store"
)

// BenchmarkAnchored appends durable records from 256 goroutines while a daemon
// anchors the ledger every second: records a second, and the age that the oldest
// record without an anchor reached ("behind", in seconds). Beside it, the same
// without the daemon. Run it with -benchtime 100000x or more.
func BenchmarkAnchored(b *testing.B) {
	n := fabricNetwork(b, "bench")
	dir := b.TempDir()
	b.Chdir(dir)
	b.Setenv("XDG_CONFIG_HOME", filepath.Join(dir, ".config"))
	b.Setenv("XDG_STATE_HOME", filepath.Join(dir, ".state"))
	if err := os.WriteFile("writer.yaml", []byte(fabricProfiles(b, n)["writer.yaml"]("bench")), 0o644); err != nil {
		b.Fatal(err)
	}
	command := func(args ...string) {
		var stderr bytes.Buffer
		if code := run(b.Context(), args, strings.NewReader(""), io.Discard, &stderr); code != 0 {
			b.Fatalf("auditlog %q: %d: %s", args, code, &stderr)
		}
	}
	command("keys", "new", "--no-passphrase")
	command("init")
	command("anchor", "--to", "fabric:writer.yaml")
	key, err := keys.Load(".config/auditlog/key.pem", nil)
	if err != nil {
		b.Fatal(err)
	}
	s, err := store.Open(b.Context(), ".auditlog", store.Options{Write: true})
	if err != nil {
		b.Fatal(err)
	}
	defer s.Close()
	serial := 0
	seal := func(count int) [][]byte {
		all := make([][]byte, count)
		var g errgroup.Group
		g.SetLimit(8)
		for i := range all {
			serial++
			run := "run-" + strconv.Itoa(serial)
			g.Go(func() (err error) {
				p := audittest.Event(audit.Incident, "m", "1", "", 1)
				p.Origin, p.ID, p.Actor.KeyID = s.Origin, run, key.Public().ID()
				all[i], err = audit.Seal(p, key)
				return err
			})
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
		return all
	}
	appended := func(b *testing.B) *sync.Map { // when each index was acknowledged
		records := seal(b.N)
		next := make(chan []byte, len(records))
		for _, r := range records {
			next <- r
		}
		close(next)
		var at sync.Map
		var g errgroup.Group
		b.ResetTimer()
		for range 256 {
			g.Go(func() error {
				for r := range next {
					receipt, err := s.Log.Append(b.Context(), r)
					if err != nil {
						return err
					}
					at.Store(receipt.Index, time.Now())
				}
				return nil
			})
		}
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
		b.StopTimer()
		b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "records/s")
		return &at
	}
	b.Run("alone", func(b *testing.B) { appended(b) })
	b.Run("anchored", func(b *testing.B) {
		type moment struct {
			size int64
			at   time.Time
		}
		var anchors []moment
		out, in := io.Pipe()
		ctx, stop := context.WithCancel(b.Context())
		var g errgroup.Group
		g.Go(func() error {
			defer in.Close()
			var stderr bytes.Buffer
			if code := run(ctx, []string{"anchor", "--to", "fabric:writer.yaml", "--every", "1s", "--json"}, strings.NewReader(""), in, &stderr); code != 0 {
				b.Errorf("anchor: %d: %s", code, &stderr)
			}
			return nil
		})
		g.Go(func() error {
			for lines := bufio.NewScanner(out); lines.Scan(); {
				var a shownAnchor
				if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
					return err
				}
				anchors = append(anchors, moment{a.Size, time.Now()})
			}
			return nil
		})
		at := appended(b)
		stop()
		if err := g.Wait(); err != nil {
			b.Fatal(err)
		}
		behind := time.Duration(0)
		for i := 1; i < len(anchors); i++ {
			// Until this anchor, the first record beyond the one before had none.
			if since, ok := at.Load(anchors[i-1].size); ok {
				behind = max(behind, anchors[i].at.Sub(since.(time.Time)))
			}
		}
		b.ReportMetric(behind.Seconds(), "behind")
		b.ReportMetric(float64(len(anchors)), "anchors")
	})
}
