package settlement

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"viaduct/ledger/proof"
	"viaduct/settlement/sqlstore"
)

const (
	// maxLead is how far the ledger's time may be ahead of a validator's clock before it withholds its
	// signature: a sequencer whose clock is wrong must not make deadlines pass.
	maxLead = 5 * time.Second
	// heardLen bounds the votes and certificates that wait to be looked at; what comes on top of it is
	// dropped, and asked for when it is missed.
	heardLen = 1024
	// certifyTick is how often a node looks for what it withheld or lacks.
	certifyTick = 100 * time.Millisecond
	// missingAfter is how long a block waits for its quorum before a node asks the others; it doubles
	// up to missingMost while nothing comes.
	missingAfter = 300 * time.Millisecond
	missingMost  = 2 * time.Second
	// answerCount bounds the blocks of one answer, and answerEvery how often a node answers.
	answerCount = maxPending
	answerEvery = 20 * time.Millisecond
)

// heard is something another node said about blocks.
type heard struct {
	vote         vote
	certificates []certificate
}

// certifier makes blocks final. It is one goroutine; what others say reaches it over hears.
type certifier struct {
	n        *Node
	tally    *tally
	hears    chan heard
	withheld []*made // not signed yet for their time, in order
	asked    time.Time
	patience time.Duration
	catching bool // certificates came whole: there are more where they came from
}

// vote signs a block that is in the block log and tells the others, unless its time is too far ahead:
// then it is marked as withheld. At a height where it dropped a block it does not sign.
func (n *Node) vote(m *made) error {
	signer := n.signer(m.height)
	if signer == nil || m.height < n.unsigned.mark {
		return nil
	}
	if m.withheld = time.UnixMilli(m.time).Sub(n.cfg.Now()) > maxLead; m.withheld {
		return nil
	}
	// The time signed is the block's, so that signing again gives the same bytes.
	cs, err := signer.Cosign(m.checkpoint, m.time/1000)
	if err != nil {
		return fmt.Errorf("sign block %d: %w", m.height, err)
	}
	m.signatures[cs.Name] = cs
	n.tellVote(vote{m.height, m.checkpoint, cs})
	return nil
}

// tellVote sends a vote to the other validators, if there are any.
func (n *Node) tellVote(v vote) {
	if len(n.policy(v.height).Validators()) == 1 {
		return
	}
	if err := n.cfg.Bus.Publish(subjectVote+"."+token(n.cfg.Name), v.encode()); err != nil {
		n.cfg.Log.Warn("tell a vote; the others will ask", "height", v.height, "error", err)
	}
}

// run takes in this node's blocks, in order, and hands them on as they become final.
func (c *certifier) run(ctx context.Context, in <-chan *made, out chan<- *sqlstore.Projection) error {
	tick := time.NewTicker(certifyTick)
	defer tick.Stop()
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		from := in
		if len(c.tally.pending) >= maxPending {
			from = nil
		}
		// This node's own blocks go before what others say of them, so that a run can be repeated.
		var err error
		select {
		case m := <-from:
			err = c.add(m)
		default:
			select {
			case m := <-from:
				err = c.add(m)
			case h := <-c.hears:
				err = c.hear(h)
			case <-tick.C:
				if err = c.release(); err == nil {
					c.ask()
				}
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		if err != nil {
			return c.n.explain(ctx, err)
		}
		if err := c.finalise(ctx, out); err != nil {
			return err
		}
	}
}

// add takes in a block of this node's.
func (c *certifier) add(m *made) error {
	if m.withheld {
		c.withheld = append(c.withheld, m)
		c.n.alarm(fmt.Errorf("height %d: the ledger's time is %s, which is ahead of this clock: signing later", m.height, time.UnixMilli(m.time).UTC()))
	}
	if len(c.tally.pending) == 0 {
		c.asked = time.Now()
	}
	return c.tally.add(m)
}

// hear takes in what another said. Lies are for the operator's eyes and change nothing.
func (c *certifier) hear(h heard) error {
	var all []error
	if h.certificates == nil {
		all = append(all, c.tally.hear(h.vote))
	}
	before := c.tally.final()
	for _, one := range h.certificates {
		all = append(all, c.tally.take(one))
	}
	c.catching = c.catching || len(h.certificates) > 0 && before < c.tally.next
	for _, err := range all {
		if errors.Is(err, ErrDiverged) {
			return err
		}
		if err != nil {
			c.n.alarm(err)
		}
	}
	return nil
}

// release signs what was withheld and whose time has come; others may have made it final before.
func (c *certifier) release() error {
	for len(c.withheld) > 0 {
		if m := c.withheld[0]; m.height >= c.tally.final() {
			if err := c.n.vote(m); err != nil || m.withheld {
				return err
			}
		}
		c.withheld = c.withheld[1:]
	}
	return nil
}

// ask asks the others for the oldest block's quorum when it is overdue.
func (c *certifier) ask() {
	if len(c.tally.pending) == 0 || time.Since(c.asked) < c.patience {
		return
	}
	c.asked, c.patience = time.Now(), min(max(2*c.patience, missingAfter), missingMost)
	q := missing{From: c.tally.final(), Name: c.n.cfg.Name}
	if err := c.n.cfg.Bus.Publish(subjectMissing, q.encode()); err != nil {
		c.n.cfg.Log.Warn("ask for certificates", "error", err)
	}
	// And what the others may lack of this node's.
	for _, m := range c.tally.pending {
		if cs, ok := m.signatures[c.n.cfg.Name]; ok {
			c.n.tellVote(vote{m.height, m.checkpoint, cs})
		}
	}
}

// finalise hands on what has its quorum.
func (c *certifier) finalise(ctx context.Context, out chan<- *sqlstore.Projection) error {
	progress := false
	for {
		m, err := c.tally.certified()
		if err != nil {
			return err
		}
		if m == nil {
			break
		}
		progress = true
		if err := c.n.certified(m); err != nil {
			return err
		}
		if m.projection == nil {
			continue
		}
		select {
		case out <- m.projection:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	if progress {
		c.asked, c.patience = time.Now(), missingAfter
		if c.catching {
			c.asked, c.catching = time.Time{}, false
			if len(c.tally.pending) >= maxPending/2 {
				c.ask()
			}
		}
	}
	return nil
}

// certified keeps a block's certificate: the block is final.
func (n *Node) certified(m *made) error {
	if n.certificates.next() > m.height { // the block log was lost and is made again
		kept, err := n.certificates.get(m.height)
		if err != nil {
			return err
		}
		c, _, err := proof.VerifyCheckpoint(kept, n.policy(m.height))
		if err != nil {
			return fmt.Errorf("kept certificate of height %d: %w", m.height, err)
		}
		if c != m.checkpoint {
			return &divergence{m.height, m.checkpoint, c}
		}
	} else if err := n.certificates.put(m.height, m.note); err != nil {
		return fmt.Errorf("keep certificate: %w", err)
	}
	if m.projection != nil {
		m.projection.Checkpoint = m.note
	}
	n.cfg.observe("final", m.began)
	n.traces.stage("final", m.height, m.began)
	n.final.raise(m.height)
	return nil
}

// missing asks for the certificates from a height on.
type missing struct {
	From uint64
	Name string // of the node that asks
}

func (m missing) encode() []byte {
	return append(binary.BigEndian.AppendUint64(nil, m.From), m.Name...)
}

// listen hears what other nodes say until ctx ends.
func (n *Node) listen(ctx context.Context, hears chan<- heard) error {
	drop := func(h heard) {
		select {
		case hears <- h:
		default:
		}
	}
	subscriptions := []struct {
		subject string
		f       func(data []byte, reply func([]byte))
	}{
		{subjectVote + ".*", func(data []byte, _ func([]byte)) {
			v, err := decodeVote(data, n.cfg.Genesis.Origin())
			if err != nil {
				n.alarm(err)
				return
			}
			drop(heard{vote: v})
		}},
		{subjectCertified + "." + token(n.cfg.Name), func(data []byte, _ func([]byte)) {
			all, err := decodeCertificates(data)
			if err != nil || len(all) > answerCount {
				n.alarm(fmt.Errorf("%w: an answer of %d certificates: %w", errForged, len(all), err))
				return
			}
			drop(heard{certificates: all})
		}},
		{subjectMissing, n.answerMissing()},
		{doorOf(n.cfg.Name, doorRecord), n.answerRecord},
		{doorOf(n.cfg.Name, doorTip), n.answerTip},
	}
	var cancels []func() error
	var err error
	for _, s := range subscriptions {
		var cancel func() error
		if cancel, err = n.cfg.Bus.Subscribe(s.subject, s.f); err != nil {
			break
		}
		cancels = append(cancels, cancel)
	}
	if err == nil {
		<-ctx.Done()
	}
	for _, cancel := range cancels {
		err = errors.Join(err, cancel())
	}
	return err
}

// answerMissing sends certificates to who lacks them.
func (n *Node) answerMissing() func(data []byte, _ func([]byte)) {
	var last time.Time // the callback is not called twice at a time
	return func(data []byte, _ func([]byte)) {
		if len(data) < 9 || len(data) > 8+proof.MaxNameLen || string(data[8:]) == n.cfg.Name || time.Since(last) < answerEvery {
			return
		}
		last = time.Now()
		from := binary.BigEndian.Uint64(data)
		var answer []byte
		for height := from; height < n.certificates.next() && height < from+answerCount; height++ {
			note, err := n.certificates.get(height)
			if err != nil {
				n.cfg.Log.Warn("answer for certificates", "height", height, "error", err)
				return
			}
			if len(answer)+len(note) > batchBytes {
				break
			}
			answer = appendCertificate(answer, certificate{height, note})
		}
		if answer != nil {
			if err := n.cfg.Bus.Publish(subjectCertified+"."+token(string(data[8:])), answer); err != nil {
				n.cfg.Log.Warn("answer for certificates", "error", err)
			}
		}
	}
}
