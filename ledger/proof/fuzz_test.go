package proof

import "testing"

// FuzzTexts has the readers of C2SP's texts take any text: what is taken is written the same.
func FuzzTexts(f *testing.F) {
	for _, s := range []string{"o\n1\n" + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n", "validator-1+00000000+BA==", "— validator-1 AAAA\n"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if c, err := ParseCheckpoint(text); err == nil {
			if again, err := c.Body(); err != nil || again != text {
				t.Errorf("checkpoint %q is written as %q: %v", text, again, err)
			}
		}
		if v, err := ParseValidator(text); err == nil && v.String() != text {
			t.Errorf("validator %q is written as %q", text, v.String())
		}
		if c, err := ParseCosignature(text); err == nil && c.Line() != text {
			t.Errorf("cosignature %q is written as %q", text, c.Line())
		}
	})
}
