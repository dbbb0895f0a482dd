package settlement_test

import (
	"bytes"
	"encoding/binary"
	"time"

	"viaduct/ledger/proof"
	"viaduct/settlement"
)

// liar is a validator that has its key and nothing else in common with the others: it signs wrong roots,
// two checkpoints of a height, heights that are not there yet, signs in another's name, says again what it
// or others said, or nothing.
type liar struct {
	r      *simRun
	name   string
	signer *proof.Signer
	out    endpoint
	said   [][]byte // a few votes of its own and of others
	heard  map[string]bool
	cancel func() error
}

func newLiar(r *simRun) *liar {
	name := validatorName(r.liar)
	signer, err := proof.NewSigner(name, keyOf(name))
	r.must(err)
	l := &liar{r: r, name: name, signer: signer, out: endpoint{r.bus, name, nil}, heard: map[string]bool{}}
	l.cancel, err = l.out.Subscribe("viaduct.vote.*", func(data []byte, _ func([]byte)) { l.hear(data) })
	r.must(err)
	return l
}

func (l *liar) stop() { l.r.must(l.cancel()) }

func (l *liar) hear(data []byte) {
	if len(data) < 51 || bytes.Contains(data[51:], []byte(l.name)) || l.heard[string(data)] {
		return
	}
	l.heard[string(data)] = true
	height := binary.BigEndian.Uint64(data[3:])
	right := proof.Checkpoint{Origin: l.r.genesis.Origin(), Size: binary.BigEndian.Uint64(data[11:]), Root: proof.Hash(data[19:])}
	wrong := right
	wrong.Root[0] ^= 1
	longer := right
	longer.Size++
	now := time.Now().Unix()
	n := len(l.said)
	say := func(v []byte) {
		if len(l.said) < 100 {
			l.said = append(l.said, v)
		}
		_ = l.out.Publish("viaduct.vote."+l.name, v) // it never fails
	}
	lie := drawn(l.r.seed, "lie", data[:51], n) % 9
	l.r.count("lie: " + lies[lie])
	switch lie {
	case 0:
	case 1:
		say(settlement.EncodeVote(height, wrong, l.signer, now))
	case 2:
		say(settlement.EncodeVote(height, right, l.signer, now))
		say(settlement.EncodeVote(height, wrong, l.signer, now))
	case 3:
		say(settlement.EncodeVote(height, wrong, l.signer, now))
		say(settlement.EncodeVote(height, right, l.signer, now))
	case 4:
		say(settlement.EncodeVote(height+1+drawn(l.r.seed, "far", n)%300, right, l.signer, now))
	case 5:
		if n > 0 {
			say(l.said[drawn(l.r.seed, "again", n)%uint64(n)])
		}
	case 6:
		say(data) // another's vote in its own name
	case 7:
		say(settlement.EncodeVote(height, longer, l.signer, now))
	case 8: // in another's name
		other, err := proof.NewSigner(validatorName((l.r.liar+1+n)%validators), keyOf(l.name))
		l.r.must(err)
		say(settlement.EncodeVote(height, wrong, other, now))
		say(settlement.EncodeVote(height, right, other, now))
	}
}

// lies names what hear does.
var lies = [...]string{
	"withholds", "signs a wrong root", "signs two checkpoints", "signs two checkpoints", "signs what is to come", "says again what was said",
	"says another's vote", "signs another log size", "signs in another's name",
}
