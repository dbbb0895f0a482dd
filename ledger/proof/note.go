package proof

import (
	"fmt"
	"slices"
	"strings"
)

// SignCheckpoint joins a checkpoint and its cosignatures into a signed note. Of the cosignatures
// given, each of which must be a valid one of another validator, it takes the first quorum by name.
func SignCheckpoint(c Checkpoint, cosignatures []Cosignature, p Policy) ([]byte, error) {
	sigs := slices.Clone(cosignatures)
	slices.SortFunc(sigs, func(a, b Cosignature) int { return strings.Compare(a.Name, b.Name) })
	for i, cs := range sigs {
		if i > 0 && sigs[i-1].Name == cs.Name {
			return nil, fmt.Errorf("sign checkpoint %d: %w: two signatures of %s", c.Size, ErrSignature, cs.Name)
		}
		if err := p.Verify(c, cs); err != nil {
			return nil, fmt.Errorf("sign checkpoint %d: %w", c.Size, err)
		}
	}
	if p.quorum < 1 || len(sigs) < p.quorum {
		return nil, fmt.Errorf("sign checkpoint %d: %w: %d signatures of %d", c.Size, ErrSignature, len(sigs), p.quorum)
	}
	return writeNote(c, sigs[:p.quorum])
}

// VerifyCheckpoint checks a signed note against p and returns the checkpoint and its cosignatures.
// It accepts what SignCheckpoint writes: three lines, an empty one, exactly a quorum of valid
// signatures of known validators sorted by name, and nothing else.
func VerifyCheckpoint(note []byte, p Policy) (Checkpoint, []Cosignature, error) {
	if p.quorum < 1 {
		return Checkpoint{}, nil, fmt.Errorf("%w: the policy trusts nobody", ErrSignature)
	}
	l := lines{rest: string(note)}
	c, err := l.checkpoint()
	if err != nil {
		return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w", err)
	}
	if blank, err := l.next("blank"); err != nil || blank != "" {
		return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w: no blank line after the root", ErrForm)
	}
	sigs := make([]Cosignature, 0, p.quorum)
	for range p.quorum {
		line, err := l.next("signature")
		if err != nil {
			return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w: %d signatures of %d: %w", ErrSignature, len(sigs), p.quorum, err)
		}
		cs, err := ParseCosignature(line)
		if err != nil {
			return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w", err)
		}
		if n := len(sigs); n > 0 && sigs[n-1].Name >= cs.Name {
			return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w: %s is not after %s", ErrForm, cs.Name, sigs[n-1].Name)
		}
		if err := p.Verify(c, cs); err != nil {
			return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w", err)
		}
		sigs = append(sigs, cs)
	}
	if err := l.end(); err != nil {
		return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w", err)
	}
	// The parsers above are strict; writing it again makes sure that they were.
	if again, err := writeNote(c, sigs); err != nil || string(again) != string(note) {
		return Checkpoint{}, nil, fmt.Errorf("checkpoint: %w", ErrForm)
	}
	return c, sigs, nil
}

func writeNote(c Checkpoint, sigs []Cosignature) ([]byte, error) {
	body, err := c.Body()
	if err != nil {
		return nil, err
	}
	var b strings.Builder
	b.WriteString(body)
	b.WriteByte('\n')
	for _, cs := range sigs {
		b.WriteString(cs.Line())
		b.WriteByte('\n')
	}
	return []byte(b.String()), nil
}
