package ledger

import (
	"crypto/ed25519"
	"math/big"
	"slices"
	"testing"
)

// point is a point of edwards25519 in affine coordinates, computed slowly from RFC 8032, section 5.1.
type point struct{ x, y *big.Int }

var (
	prime = new(big.Int).Sub(new(big.Int).Lsh(big.NewInt(1), 255), big.NewInt(19))
	curve = mod(new(big.Int).Mul(big.NewInt(-121665), new(big.Int).ModInverse(big.NewInt(121666), prime)))
)

func mod(n *big.Int) *big.Int { return n.Mod(n, prime) }

func times(all ...*big.Int) *big.Int {
	n := big.NewInt(1)
	for _, f := range all {
		mod(n.Mul(n, f))
	}
	return n
}

func addPoints(p, q point) point {
	d := times(curve, p.x, q.x, p.y, q.y)
	one := big.NewInt(1)
	x := new(big.Int).Add(times(p.x, q.y), times(p.y, q.x))
	y := new(big.Int).Add(times(p.y, q.y), times(p.x, q.x))
	return point{
		times(x, new(big.Int).ModInverse(mod(new(big.Int).Add(one, d)), prime)),
		times(y, new(big.Int).ModInverse(mod(new(big.Int).Sub(one, d)), prime)),
	}
}

func decodePoint(key [32]byte) (point, bool) {
	key[31] &= 0x7f
	slices.Reverse(key[:])
	y := new(big.Int).SetBytes(key[:])
	yy := times(y, y)
	u := mod(new(big.Int).Sub(yy, big.NewInt(1)))
	v := mod(new(big.Int).Add(times(curve, yy), big.NewInt(1)))
	x := new(big.Int).ModSqrt(times(u, new(big.Int).ModInverse(v, prime)), prime)
	return point{x, y}, x != nil
}

// The table holds all coordinates of small order and none other: eight times each point is the neutral
// one, and eight times a key's is not.
func TestLowOrderTable(t *testing.T) {
	points := 0
	for _, y := range lowOrder {
		p, ok := decodePoint(y)
		if !ok {
			t.Errorf("%x is not on the curve", y)
			continue
		}
		points++
		if p.x.Sign() != 0 {
			points++ // and its mirror
		}
		for range 3 {
			p = addPoints(p, p)
		}
		if p.x.Sign() != 0 || p.y.Cmp(big.NewInt(1)) != 0 {
			t.Errorf("%x is of a higher order than 8", y)
		}
	}
	if points != 8 {
		t.Errorf("the table stands for %d points, want all 8 of small order", points)
	}
	p, ok := decodePoint([32]byte(ed25519.NewKeyFromSeed(make([]byte, 32)).Public().(ed25519.PublicKey)))
	for range 3 {
		p = addPoints(p, p)
	}
	if !ok || p.x.Sign() == 0 {
		t.Error("the test's own arithmetic finds a key to be of small order")
	}
}

func TestGoodKey(t *testing.T) {
	for i := range byte(50) {
		if key := [32]byte(ed25519.NewKeyFromSeed(slices.Repeat([]byte{i}, 32)).Public().(ed25519.PublicKey)); !GoodKey(key) {
			t.Errorf("the key of seed %d is refused", i)
		}
	}
	for _, y := range lowOrder {
		for _, sign := range []byte{0, 0x80} {
			y[31] |= sign
			if GoodKey(y) {
				t.Errorf("%x is taken", y)
			}
		}
	}
	// The second encodings are those of 0 to 18.
	for i := range byte(19) {
		key := fieldPrime
		key[0] += i
		if GoodKey(key) {
			t.Errorf("the prime plus %d is taken", i)
		}
	}
	below := fieldPrime
	below[0] -= 2
	if !GoodKey(below) {
		t.Error("the prime minus 2 is refused")
	}
}

// Under a key of small order anyone's signature verifies; that is why the ledger takes none.
func TestLowOrderKeysForge(t *testing.T) {
	identity := [32]byte{1}
	forged := make([]byte, ed25519.SignatureSize)
	forged[0] = 1 // R is the neutral point, S is 0
	if !ed25519.Verify(identity[:], []byte("whatever"), forged) {
		t.Log("the library refuses the neutral point by itself")
	}
	if GoodKey(identity) {
		t.Error("taken")
	}
}
