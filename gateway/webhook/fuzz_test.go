package webhook

import "testing"

// FuzzParseKeys reads whatever a database may hold as keys: what is taken is written the same, and its
// public half is one that receivers can read.
func FuzzParseKeys(f *testing.F) {
	f.Add(Keys{NewKey()}.Text())
	f.Add(Keys{NewKey(), NewKey()}.Text())
	f.Add("whsec_ whsk_ 0\n")
	f.Fuzz(func(t *testing.T, text string) {
		_ = CheckPublic(text)
		ks, err := ParseKeys(text)
		if err != nil {
			return
		}
		again, err := ParseKeys(ks.Text())
		if err != nil || len(again) != len(ks) || again.Text() != ks.Text() {
			t.Errorf("%d keys are read again as %d: %v", len(ks), len(again), err)
		}
		for _, k := range ks {
			if err := CheckPublic(k.PublicText()); err != nil {
				t.Error(err)
			}
		}
	})
}
