package main

import (
	"context"
	"fmt"
	"io"
	"iter"
	"sync"

	"github.com/hyperledger/fabric-protos-go/common"
	"github.com/hyperledger/fabric-protos-go/orderer"
	"github.com/hyperledger/fabric-protos-go/peer"
	"github.com/hyperledger/fabric-sdk-go/pkg/fab/events/deliverclient/seek"
	"github.com/hyperledger/fabric-sdk-go/pkg/fab/txn"
	"google.golang.org/protobuf/types/known/timestamppb"
)

// The event service of the SDK chooses its peers itself, and gives blocks that
// it may have dropped some of. So the streams are read here.

// Blocks implements pipe.Client.
func (c *client) Blocks(ctx context.Context, number int, from uint64) iter.Seq2[[]byte, error] {
	return func(yield func([]byte, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		s, err := c.deliver(ctx, c.peers[number].address, false, seek.InfoFrom(from))
		for err == nil {
			var r *peer.DeliverResponse
			if r, err = s.Recv(); err != nil {
				break
			}
			if r.GetBlock() == nil {
				err = fmt.Errorf("the peer ends its blocks: %s", r.GetStatus())
				break
			}
			block, marshalErr := marshal(r.GetBlock())
			if !yield(block, marshalErr) || marshalErr != nil {
				return
			}
		}
		if err != io.EOF {
			yield(nil, c.explain(err))
		}
	}
}

// A stream is one of blocks, filtered or not.
type stream interface {
	Send(*common.Envelope) error
	Recv() (*peer.DeliverResponse, error)
}

// deliver asks a peer for blocks. A filtered one has the ids and verdicts alone.
func (c *client) deliver(ctx context.Context, address string, filtered bool, from *orderer.SeekInfo) (s stream, err error) {
	conn, err := c.conns.DialContext(ctx, address)
	if err != nil {
		return nil, err
	}
	client := peer.NewDeliverClient(conn)
	if filtered {
		s, err = client.DeliverFiltered(ctx)
	} else {
		s, err = client.Deliver(ctx)
	}
	if err != nil {
		return nil, err
	}
	envelope, err := c.seekEnvelope(from)
	if err != nil {
		return nil, err
	}
	if err := s.Send(envelope); err != nil && err != io.EOF { // Recv will say why
		return nil, err
	}
	return s, nil
}

// seekEnvelope is a signed request for blocks.
func (c *client) seekEnvelope(from *orderer.SeekInfo) (*common.Envelope, error) {
	h, err := txn.NewHeader(c.sdk, c.hello.Channel)
	if err != nil {
		return nil, err
	}
	data, err := marshal(from)
	if err != nil {
		return nil, err
	}
	channel, err := marshal(&common.ChannelHeader{
		Type: int32(common.HeaderType_DELIVER_SEEK_INFO), ChannelId: c.hello.Channel, Timestamp: timestamppb.Now(),
	})
	if err != nil {
		return nil, err
	}
	signature, err := marshal(&common.SignatureHeader{Creator: h.Creator(), Nonce: h.Nonce()})
	if err != nil {
		return nil, err
	}
	payload, err := marshal(&common.Payload{Header: &common.Header{ChannelHeader: channel, SignatureHeader: signature}, Data: data})
	if err != nil {
		return nil, err
	}
	signed, err := c.sdk.Sign(payload)
	return &common.Envelope{Payload: payload, Signature: signed}, err
}

// A watched peer tells what became of transactions. It is read from the first
// one on, for as long as its stream lasts.
type watched struct {
	client  *client
	address string

	mu      sync.Mutex // guards waiting and live
	waiting map[string]chan verdict
	live    *watching // nil when nobody reads
}

// watching is one stream being read.
type watching struct {
	ready chan struct{} // closed when it gives blocks, or has failed
	err   error         // once ready is closed
}

// A verdict is what a peer found of a transaction, or why that is not known.
type verdict struct {
	code peer.TxValidationCode
	err  error
}

// watch gives a channel that gets the verdict on a transaction, if its block
// comes after watch has returned. Forget must be called.
func (w *watched) watch(ctx context.Context, transaction string) (_ <-chan verdict, forget func(), err error) {
	v := make(chan verdict, 1)
	w.mu.Lock()
	if w.waiting == nil {
		w.waiting = map[string]chan verdict{}
	}
	w.waiting[transaction] = v
	live := w.live
	if live == nil {
		live = &watching{ready: make(chan struct{})}
		w.live = live
		go w.read(live)
	}
	w.mu.Unlock()
	forget = func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		delete(w.waiting, transaction)
	}
	select {
	case <-live.ready:
		err = live.err
	case <-ctx.Done():
		err = ctx.Err()
	}
	if err != nil {
		forget()
	}
	return v, forget, err
}

// read reads a stream to its end.
func (w *watched) read(live *watching) {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	begun := false
	s, err := w.client.deliver(ctx, w.address, true, seek.InfoNewest())
	for err == nil {
		var r *peer.DeliverResponse
		if r, err = s.Recv(); err != nil {
			break
		}
		if r.GetFilteredBlock() == nil {
			err = fmt.Errorf("the peer ends its blocks: %s", r.GetStatus())
			break
		}
		w.mu.Lock()
		for _, tx := range r.GetFilteredBlock().GetFilteredTransactions() {
			w.tell(tx.GetTxid(), verdict{code: tx.GetTxValidationCode()})
		}
		w.mu.Unlock()
		if !begun {
			begun = true
			close(live.ready)
		}
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.live = nil
	if !begun {
		live.err = err
		close(live.ready)
	}
	for id := range w.waiting {
		w.tell(id, verdict{err: err})
	}
}

// tell gives a verdict to who waits for it, once. mu must be held.
func (w *watched) tell(id string, v verdict) {
	if c := w.waiting[id]; c != nil {
		delete(w.waiting, id)
		c <- v
	}
}
