package tlog

import (
	"errors"
	"sync"

	"github.com/fsnotify/fsnotify"

	"github.com/mmaudit/mmaudit/ledger"
)

// watcher tells feeds that the checkpoint was replaced, by this process or by
// another, in the words of the kernel: there is no polling. One serves all feeds
// of a log and starts with the first.
type watcher struct {
	mu     sync.Mutex // guards what follows
	w      *fsnotify.Watcher
	next   chan struct{} // closed at the next change
	err    error         // why there is no telling any more
	closed bool
}

// changed returns a channel that is closed at the next change of the checkpoint.
func (w *watcher) changed(l *Log) (<-chan struct{}, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return nil, ledger.ErrClosed
	}
	if w.err != nil {
		return nil, w.err
	}
	if w.w == nil {
		fw, err := fsnotify.NewWatcher()
		if err != nil {
			return nil, err
		}
		// The folder, because the checkpoint is replaced by renaming.
		if err := fw.Add(l.dir); err != nil {
			return nil, errors.Join(err, fw.Close())
		}
		w.w, w.next = fw, make(chan struct{})
		go w.run(fw, l.path("checkpoint"))
	}
	return w.next, nil
}

func (w *watcher) run(fw *fsnotify.Watcher, checkpoint string) {
	for {
		var failed error
		select {
		case e, ok := <-fw.Events:
			if !ok {
				return
			}
			if e.Name != checkpoint {
				continue
			}
		case err, ok := <-fw.Errors:
			if !ok {
				return
			}
			if !errors.Is(err, fsnotify.ErrEventOverflow) { // then look, there may be a change
				failed = err
			}
		}
		w.mu.Lock()
		w.err = failed
		close(w.next)
		w.next = make(chan struct{})
		w.mu.Unlock()
	}
}

func (w *watcher) close() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.closed = true
	if w.w == nil {
		return nil
	}
	return w.w.Close()
}
