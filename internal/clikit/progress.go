package clikit

import (
	"io"
	"os"
	"sync"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

// A Progress is a bar on stderr for work that takes longer than a second.
// Its zero value shows nothing. It is safe for concurrent use.
type Progress struct {
	mu    sync.Mutex // guards what follows
	w     io.Writer
	what  string
	since time.Time
	wait  time.Duration
	bar   *progressbar.ProgressBar
}

// NewProgress makes a bar. mode is "on", "off" or "auto": when w is a terminal
// and the work has taken a second.
func NewProgress(w io.Writer, mode, what string) *Progress {
	switch mode {
	case "off":
		return &Progress{}
	case "on":
		return &Progress{w: w, what: what, since: time.Now()}
	}
	if !IsTerminal(w) {
		return &Progress{}
	}
	return &Progress{w: w, what: what, since: time.Now(), wait: time.Second}
}

// Update shows how much is done.
func (p *Progress) Update(done, total int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil {
		return
	}
	if p.bar == nil {
		if time.Since(p.since) < p.wait {
			return
		}
		p.bar = progressbar.NewOptions(max(total, 1),
			progressbar.OptionSetWriter(p.w), progressbar.OptionSetDescription(p.what),
			progressbar.OptionThrottle(100*time.Millisecond), progressbar.OptionClearOnFinish(),
			progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
	}
	if p.bar.GetMax() < total {
		p.bar.ChangeMax(total)
	}
	p.bar.Set(min(done, p.bar.GetMax()-1)) // the last step would clear the bar while work goes on
}

// Done takes the bar off the screen.
func (p *Progress) Done() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.bar != nil {
		p.bar.Clear()
	}
	p.w = nil
}

// IsTerminal reports whether w is a terminal.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// A BytesProgress is a [Progress] of bytes: it shows how many, how fast, and how
// long it will take.
type BytesProgress struct{ Progress }

// NewBytesProgress makes a bar; mode is as for NewProgress.
func NewBytesProgress(w io.Writer, mode string) *BytesProgress {
	p := NewProgress(w, mode, "")
	return &BytesProgress{Progress{w: p.w, since: p.since, wait: p.wait}}
}

// Update shows how much is done of what; last takes the bar off the screen.
func (p *BytesProgress) Update(what string, done, total int64, last bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.w == nil {
		return
	}
	if p.bar == nil {
		if time.Since(p.since) < p.wait {
			return
		}
		p.bar = progressbar.NewOptions64(max(total, 1),
			progressbar.OptionSetWriter(p.w), progressbar.OptionShowBytes(true), progressbar.OptionThrottle(100*time.Millisecond),
			progressbar.OptionClearOnFinish(), progressbar.OptionSetPredictTime(true), progressbar.OptionFullWidth())
	}
	p.bar.Describe(what)
	if p.bar.GetMax64() < total {
		p.bar.ChangeMax64(total)
	}
	p.bar.Set64(min(done, p.bar.GetMax64()-1)) // the last step would clear the bar while work goes on
	if last {
		p.bar.Clear()
		p.bar = nil
	}
}
