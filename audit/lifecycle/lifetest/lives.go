package lifetest

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/mmaudit/mmaudit/audit"
	"github.com/mmaudit/mmaudit/audit/audittest"
)

// side is how many versions live at the same time in Lives.
const side = 32

// Versions of tools, data sets and devices in Lives.
var (
	drivers = []string{"535.129.03", "535.183.01", "550.54.15", "560.35.03"}
	cudas   = []string{"12.2", "12.4.1", "12.40", "13.0"}
)

const (
	dataSets = 24
	fleet    = 40
)

// DataName gives the name of a data set of Lives.
func DataName(i int) string { return fmt.Sprintf("drives-%02d", i%dataSets) }

// VersionName gives model and version of the i-th life of Lives.
func VersionName(i int) (model, version string) {
	return fmt.Sprintf("model-%d", i/10), fmt.Sprintf("1.%d.0", i%10)
}

// Lives yields the first n records of a ledger in which versions of models live
// side by side, share data sets and devices, fail, and lack now and then what
// they should have. The records are signed as those of a Book.
func Lives(seed uint64, n int) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		rng := rand.New(rand.NewPCG(seed, 1))
		b := NewBook()
		start := audittest.Start
		for i := range dataSets {
			role := "train"
			if i%2 == 1 {
				role = "test"
			}
			b.Add(Data(start, DataName(i), role)...)
		}
		index := int64(0)
		emit := func(record []byte) bool {
			index++
			return index <= int64(n) && yield(record)
		}
		for _, r := range b.Records {
			if !emit(r) {
				return
			}
		}
		for life := 0; index < int64(n); life += side {
			start = start.Add(time.Hour)
			lives := make([][]*audit.Predicate, side)
			for i := range lives {
				lives[i] = oneLife(rng, life+i, start)
			}
			for _, r := range b.interleave(rng, index, lives) {
				if !emit(r) {
					return
				}
			}
		}
	}
}

// oneLife gives a life with chance in it.
func oneLife(rng *rand.Rand, i int, start time.Time) []*audit.Predicate {
	p := Plan{
		Train: DataName(rng.IntN(dataSets) &^ 1), Test: DataName(rng.IntN(dataSets) | 1),
		Driver: drivers[rng.IntN(len(drivers))], CUDA: cudas[rng.IntN(len(cudas))],
		Params: []string{fmt.Sprintf("lr=%g", 1/float64(1+rng.IntN(99))), "epochs=20"},
		Device: fmt.Sprintf("vehicle-%d", i/fleet*fleet/4+rng.IntN(fleet)), Start: start, Heartbeats: rng.IntN(6),
	}
	p.Model, p.Version = VersionName(i)
	all := p.Life()
	if rng.IntN(8) == 0 { // it fails, and that is all
		all = all[:slices.IndexFunc(all, func(x *audit.Predicate) bool { return x.Event == audit.TrainFinished })+1]
		last := all[len(all)-1]
		exit := 1
		last.Event, last.Outputs, last.Data, last.Process.Exit = audit.TrainFailed, nil, nil, &exit
	} else {
		// Most versions stay in use; some lack an event.
		all = all[:len(all)-rng.IntN(7)]
		if rng.IntN(4) == 0 {
			k := rng.IntN(len(all))
			all = slices.Delete(all, k, k+1)
		}
	}
	return all
}

// interleave mixes lives by chance and seals them from an index on, each life in
// its order, several lives at a time.
func (b *Book) interleave(rng *rand.Rand, from int64, lives [][]*audit.Predicate) [][]byte {
	var order []int // whose turn it is
	for i, l := range lives {
		for range l {
			order = append(order, i)
		}
	}
	rng.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
	places := make([][]int, len(lives))
	for place, i := range order {
		places[i] = append(places[i], place)
	}
	records := make([][]byte, len(order))
	var wg sync.WaitGroup
	free := make(chan struct{}, runtime.GOMAXPROCS(0))
	for i, l := range lives {
		wg.Add(1)
		free <- struct{}{}
		go func() {
			defer wg.Done()
			defer func() { <-free }()
			s := sealer{keys: b.keys, last: map[[2]string]audit.Prev{}}
			for j, p := range l {
				records[places[i][j]] = s.seal(from+int64(places[i][j]), p)
			}
		}()
	}
	wg.Wait()
	return records
}
