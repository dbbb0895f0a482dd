package sqlstore

import "testing"

// FuzzEventID reads whatever a client calls an event's id: what is taken is written the same.
func FuzzEventID(f *testing.F) {
	for _, s := range []string{"", "evt_12_3_0", "evt_1_1048576_0", "evt_+1_0_0", "evt_1_0_0 ", "evt_99999999999999999999_0_0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		e, err := EventAt(text)
		if err == nil && text != "" && e.place.String() != text {
			t.Errorf("%q reads as %+v", text, e.place)
		}
		if err == nil && e.After(&e) {
			t.Errorf("%q is after itself", text)
		}
	})
}
