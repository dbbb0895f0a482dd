package proof

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/transparency-dev/merkle/proof"
)

func TestReceiptOfEveryLeaf(t *testing.T) {
	for _, n := range []int{1, 4} {
		signers := testSigners(t, n)
		p := testPolicy(t, signers)
		for size := 1; size <= 17; size++ {
			for index := range size {
				r, err := VerifyReceipt(testReceipt(t, signers, index, size), p)
				if err != nil {
					t.Fatalf("leaf %d of %d, %d validators: %v", index, size, n, err)
				}
				if !bytes.Equal(r.Leaf, testLeaf(index)) || r.Index != uint64(index) || r.Checkpoint.Size != uint64(size) {
					t.Errorf("leaf %d of %d: got %+v", index, size, r)
				}
				// Names run against the signers' order: with 4, the three later ones sign.
				if got, want := r.SignedAt(), int64(testTime+n-1); got != want {
					t.Errorf("SignedAt() = %d, want %d", got, want)
				}
			}
		}
	}
}

// TestReceiptMutants changes a valid receipt in every way that keeps it nearly the same, and every
// mutant must be refused: one proof, one spelling.
func TestReceiptMutants(t *testing.T) {
	signers := testSigners(t, 4)
	p := testPolicy(t, signers)
	receipt := testReceipt(t, signers, 4, 11)
	if _, err := VerifyReceipt(receipt, p); err != nil {
		t.Fatal(err)
	}
	tried := 0
	refuse := func(what string, mutant []byte) {
		tried++
		if bytes.Equal(mutant, receipt) {
			return
		}
		if _, err := VerifyReceipt(mutant, p); err == nil {
			t.Errorf("%s is accepted:\n%s", what, mutant)
		}
	}

	// Every value of every byte would be a million signature checks; every bit of every byte, and
	// the bytes that mean something in the format, are enough to tell a loose parser.
	special := []byte{0, '\n', '\r', ' ', '+', '=', '0', 'A'}
	for i, b := range receipt {
		for _, bits := range []byte{1, 2, 4, 8, 16, 32, 64, 128, 255} {
			m := bytes.Clone(receipt)
			m[i] ^= bits
			refuse(fmt.Sprintf("bits %#x of byte %d flipped", bits, i), m)
		}
		for _, s := range special {
			m := bytes.Clone(receipt)
			m[i] = s
			refuse(fmt.Sprintf("byte %d made %q", i, s), m)
			refuse(fmt.Sprintf("%q put in at %d", s, i), slices.Insert(bytes.Clone(receipt), i, s))
		}
		refuse(fmt.Sprintf("byte %d doubled", i), slices.Insert(bytes.Clone(receipt), i, b))
		refuse(fmt.Sprintf("byte %d removed", i), slices.Delete(bytes.Clone(receipt), i, i+1))
		refuse(fmt.Sprintf("cut at %d", i), receipt[:i])
		refuse(fmt.Sprintf("first %d bytes missing", i), receipt[i+1:])
	}
	for _, s := range special {
		refuse(fmt.Sprintf("%q added", s), append(bytes.Clone(receipt), s))
	}
	refuse("twice", append(bytes.Clone(receipt), receipt...))
	refuse("with CRLF", bytes.ReplaceAll(receipt, []byte("\n"), []byte("\r\n")))
	refuse("with a byte order mark", append([]byte("\ufeff"), receipt...))

	lines := bytes.SplitAfter(receipt, []byte("\n"))
	lines = lines[:len(lines)-1]
	for i := range lines {
		refuse(fmt.Sprintf("line %d doubled", i), bytes.Join(slices.Insert(slices.Clone(lines), i, lines[i]), nil))
		refuse(fmt.Sprintf("line %d removed", i), bytes.Join(slices.Delete(slices.Clone(lines), i, i+1), nil))
		for j := range i {
			m := slices.Clone(lines)
			m[i], m[j] = m[j], m[i]
			refuse(fmt.Sprintf("lines %d and %d exchanged", i, j), bytes.Join(m, nil))
		}
	}
	t.Logf("%d mutants of a receipt of %d bytes", tried, len(receipt))
}

// TestReceiptWithOtherSignatures keeps the form and changes who signed.
func TestReceiptWithOtherSignatures(t *testing.T) {
	signers := testSigners(t, 4)
	p := testPolicy(t, signers)
	tree := newTestTree(11)
	c := tree.checkpoint(11)
	all := cosignAll(t, signers, c)
	slices.SortFunc(all, func(a, b Cosignature) int { return strings.Compare(a.Name, b.Name) })
	stranger := cosignAll(t, testSigners(t, 5)[4:], c)[0]
	older := cosignAll(t, signers, tree.checkpoint(10))
	slices.SortFunc(older, func(a, b Cosignature) int { return strings.Compare(a.Name, b.Name) })
	renamed := all[2]
	renamed.Name, renamed.KeyID = all[3].Name, all[3].KeyID
	later := all[2]
	later.Time++

	build := func(sigs ...Cosignature) []byte {
		note, err := writeNote(c, sigs)
		if err != nil {
			t.Fatal(err)
		}
		return writeReceipt(testLeaf(4), 4, tree.inclusion(t, 4, 11), note)
	}
	for name, tt := range map[string]struct {
		receipt []byte
		ok      bool
	}{
		"a quorum":                {build(all[0], all[1], all[2]), true},
		"another quorum":          {build(all[1], all[2], all[3]), true},
		"one short":               {build(all[0], all[1]), false},
		"none":                    {build(), false},
		"one more than needed":    {build(all...), false},
		"one twice":               {build(all[0], all[1], all[1]), false},
		"not sorted":              {build(all[1], all[0], all[2]), false},
		"a stranger's":            {build(stranger, all[0], all[1]), false},
		"a stranger's besides":    {build(stranger, all[0], all[1], all[2]), false},
		"an older checkpoint's":   {build(all[0], all[1], older[2]), false},
		"under another's name":    {build(all[0], all[1], renamed), false},
		"with another time":       {build(all[0], all[1], later), false},
		"at a negative time":      {build(all[0], all[1], Cosignature{Name: all[2].Name, KeyID: all[2].KeyID, Time: -1}), false},
		"a signature of zeros":    {build(all[0], all[1], Cosignature{Name: all[2].Name, KeyID: all[2].KeyID, Time: 1}), false},
		"an oversize text of 'x'": {bytes.Repeat([]byte("x"), MaxReceiptLen+1), false},
	} {
		if _, err := VerifyReceipt(tt.receipt, p); (err == nil) != tt.ok {
			t.Errorf("%s: %v, want accepted = %v", name, err, tt.ok)
		}
	}
}

func TestOriginOf(t *testing.T) {
	receipt := testReceipt(t, testSigners(t, 1), 2, 5)
	if origin, err := OriginOf(receipt); err != nil || origin != testOrigin {
		t.Errorf("OriginOf = %q, %v", origin, err)
	}
	for _, bad := range [][]byte{nil, receipt[:20], bytes.Replace(receipt, []byte(testOrigin), []byte("two words"), 1)} {
		if origin, err := OriginOf(bad); !errors.Is(err, ErrForm) {
			t.Errorf("OriginOf(%q) = %q, %v, want ErrForm", bad, origin, err)
		}
	}
}

func TestBuildReceiptChecksItself(t *testing.T) {
	signers := testSigners(t, 1)
	p := testPolicy(t, signers)
	tree := newTestTree(8)
	c := tree.checkpoint(8)
	signed, err := SignCheckpoint(c, cosignAll(t, signers, c), p)
	if err != nil {
		t.Fatal(err)
	}
	hashes := tree.inclusion(t, 3, 8)
	for name, try := range map[string]func() ([]byte, error){
		"other leaf":  func() ([]byte, error) { return BuildReceipt(testLeaf(2), 3, hashes, signed, p) },
		"other index": func() ([]byte, error) { return BuildReceipt(testLeaf(3), 2, hashes, signed, p) },
		"past end":    func() ([]byte, error) { return BuildReceipt(testLeaf(3), 8, hashes, signed, p) },
		"short proof": func() ([]byte, error) { return BuildReceipt(testLeaf(3), 3, hashes[1:], signed, p) },
	} {
		if _, err := try(); !errors.Is(err, ErrInclusion) {
			t.Errorf("%s: %v, want ErrInclusion", name, err)
		}
	}
	if _, err := BuildReceipt(nil, 3, hashes, signed, p); !errors.Is(err, ErrForm) {
		t.Errorf("empty leaf: %v, want ErrForm", err)
	}
	if _, err := BuildReceipt(testLeaf(3), 3, hashes, signed[1:], p); err == nil {
		t.Error("a damaged checkpoint is accepted")
	}
}

func TestConsistency(t *testing.T) {
	tree := newTestTree(21)
	for n := 0; n <= 21; n++ {
		for m := 0; m <= n; m++ {
			older, newer := tree.checkpoint(m), tree.checkpoint(n)
			nodes, err := proof.Consistency(uint64(m), uint64(n))
			hashes := tree.hashes(t, nodes, err)
			if err := VerifyConsistency(older, newer, hashes); err != nil {
				t.Errorf("%d to %d: %v", m, n, err)
			}
			forked := older
			forked.Root[0] ^= 1
			if err := VerifyConsistency(forked, newer, hashes); !errors.Is(err, ErrConsistency) {
				t.Errorf("%d to %d with another old root: %v, want ErrConsistency", m, n, err)
			}
			elsewhere := newer
			elsewhere.Origin += "2"
			if err := VerifyConsistency(older, elsewhere, hashes); !errors.Is(err, ErrConsistency) {
				t.Errorf("%d to %d of another network: %v, want ErrConsistency", m, n, err)
			}
			if m < n {
				if err := VerifyConsistency(newer, older, hashes); !errors.Is(err, ErrConsistency) {
					t.Errorf("%d back to %d: %v, want ErrConsistency", n, m, err)
				}
			}
		}
	}
}

func FuzzVerifyReceipt(f *testing.F) {
	signers := testSigners(f, 4)
	p := testPolicy(f, signers)
	tree := newTestTree(11)
	valid := map[string]bool{}
	for _, i := range []int{0, 4, 10} {
		r := testReceipt(f, signers, i, 11)
		valid[string(r)] = true
		f.Add(r)
	}
	f.Add([]byte(receiptHeader + "\nextra AA==\nindex 0\n\n" + testOrigin + "\n1\n" + tree.root(0, 1).String() + "\n\n"))
	f.Add([]byte(receiptHeader + "\nextra " + base64.StdEncoding.EncodeToString(testLeaf(0)) + "\nindex 18446744073709551615\n\n"))
	f.Fuzz(func(t *testing.T, receipt []byte) {
		// Without the private keys nobody makes another receipt that is accepted.
		if r, err := VerifyReceipt(receipt, p); err == nil && !valid[string(receipt)] {
			t.Errorf("accepted a receipt that nobody signed: %+v", r)
		}
	})
}
