package fabricnet

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// patience is how long anything may take: more means that it never comes.
const patience = 2 * time.Minute

// Ready waits until the running orderers have a leader and each running peer
// knows the others: before, a peer listens and refuses to serve.
func (n *Network) Ready(ctx context.Context) error {
	peers := 0
	for _, o := range n.Orgs {
		if o.Peer.Running() {
			peers++
		}
	}
	for _, o := range n.Orgs {
		if !o.Peer.Running() {
			continue
		}
		if err := n.listening(ctx, o.Peer.Process, o.Peer.Port); err != nil {
			return err
		}
		want := fmt.Sprintf("gossip_membership_total_peers_known{channel=%q} %d\n", n.Channel, peers-1)
		if err := until(ctx, o.Peer.Process, "peers that know each other", func() bool { return o.Peer.metric(ctx, want) }); err != nil {
			return err
		}
	}
	return until(ctx, nil, "a leader of the orderers", func() bool { return n.Leader(ctx) != nil })
}

// Leader returns the orderer that leads now, or nil.
func (n *Network) Leader(ctx context.Context) *Node {
	for _, o := range n.Orderers {
		if o.Running() && o.metric(ctx, fmt.Sprintf("consensus_etcdraft_is_leader{channel=%q} 1\n", n.Channel)) {
			return o
		}
	}
	return nil
}

// metric reports whether the metrics of a node have a line.
func (o *Node) metric(ctx context.Context, line string) bool {
	return strings.Contains("\n"+o.metrics(ctx), "\n"+line)
}

// Count gives the value of a metric, named with its labels and a space behind;
// 0 if the node does not have it.
func (o *Node) Count(ctx context.Context, name string) float64 {
	for line := range strings.Lines(o.metrics(ctx)) {
		if value, ok := strings.CutPrefix(line, name); ok {
			if v, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil {
				return v
			}
		}
	}
	return 0
}

// metrics are those of a node, or nothing.
func (o *Node) metrics(ctx context.Context) string {
	ctx, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address(o.Operations)+"/metrics", nil)
	if err != nil {
		return ""
	}
	req.Close = true
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return ""
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return ""
	}
	return string(text)
}

// listening waits until a process accepts connections.
func (n *Network) listening(ctx context.Context, p *Process, ports ...int) error {
	for _, port := range ports {
		err := until(ctx, p, "an open port", func() bool {
			conn, err := net.DialTimeout("tcp", address(port), time.Second)
			if err == nil {
				conn.Close()
			}
			return err == nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// until asks again and again. A process that has ended is waited for in vain.
func until(ctx context.Context, p *Process, what string, ready func() bool) error {
	name := "the network"
	if p != nil {
		name = p.Name
	}
	deadline := time.Now().Add(patience)
	for !ready() {
		if p != nil {
			if err := p.ended(); err != nil {
				return err
			}
		}
		if time.Now().After(deadline) {
			err := fmt.Errorf("%s: waited %v for %s", name, patience, what)
			if p != nil {
				err = errors.Join(err, errors.New(tail(p.Log)))
			}
			return err
		}
		if err := pause(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	return nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
