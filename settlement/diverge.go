package settlement

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"
	"time"
)

// recordTimeout bounds the question for one record.
const recordTimeout = time.Second

// explain adds to ErrDiverged the first leaf of the block in which this node and another validator
// differ, with both sides' bytes: a result, or the header when only the state differs.
func (n *Node) explain(ctx context.Context, err error) error {
	var d *divergence
	if !errors.As(err, &d) {
		return err
	}
	ours, _, own := n.record(d.height)
	if own != nil {
		return errors.Join(err, own)
	}
	for _, v := range n.policy(d.height).Validators() {
		if v.Name() == n.cfg.Name {
			continue
		}
		theirs, asked := n.askRecord(ctx, v.Name(), d.height)
		if asked != nil {
			continue // another may answer
		}
		for i := range max(len(ours.Leaves), len(theirs.Leaves)) {
			a, b := leafAt(ours, i), leafAt(theirs, i)
			if bytes.Equal(a, b) {
				continue
			}
			return fmt.Errorf("%w; leaf %d of %d differs from that of %s: here %x, there %x", err, i, len(ours.Leaves), v.Name(), a, b)
		}
	}
	return err
}

func leafAt(r record, i int) []byte {
	if i < len(r.Leaves) {
		return r.Leaves[i]
	}
	return nil
}

// askRecord asks a validator for its record of a height.
func (n *Node) askRecord(ctx context.Context, validator string, height uint64) (record, error) {
	ctx, cancel := context.WithTimeout(ctx, recordTimeout)
	defer cancel()
	data, err := n.cfg.Bus.Request(ctx, doorOf(validator, doorRecord), binary.BigEndian.AppendUint64(nil, height))
	if err != nil {
		return record{}, fmt.Errorf("ask %s for block %d: %w", validator, height, err)
	}
	return decodeRecord(data)
}

// answerRecord answers askRecord; an empty answer means that there is none, or that it is too long.
func (n *Node) answerRecord(data []byte, reply func([]byte)) {
	if len(data) != 8 {
		reply(nil)
		return
	}
	rec, err := n.log.Get(binary.BigEndian.Uint64(data))
	if err != nil || len(rec) > maxAnswer {
		rec = nil
	}
	reply(rec)
}

// maxAnswer keeps an answer under what a NATS server takes with default settings.
const maxAnswer = 1<<20 - 4096

// alarms tells the operator what should not be, but no more often than alarmEvery: anybody on the bus
// can cause it.
type alarms struct {
	mu      sync.Mutex
	last    time.Time
	skipped int
}

const alarmEvery = time.Second

func (n *Node) alarm(err error) {
	a := &n.alarms
	a.mu.Lock()
	defer a.mu.Unlock()
	if time.Since(a.last) < alarmEvery {
		a.skipped++
		return
	}
	n.cfg.Log.Error("alarm", "error", err, "skipped before", a.skipped)
	a.last, a.skipped = time.Now(), 0
}
