package ledger

import (
	"slices"
	"unicode/utf8"

	"viaduct/internal/money"
)

// MaxKeys bounds a participant's signing keys.
const MaxKeys = 8

const maxName = 140 // characters: ISO 20022 Max140Text

func (p *Participant) hasKey(key [32]byte) bool {
	for i := range p.Keys {
		if p.Keys[i] == key {
			return true
		}
	}
	return false
}

// goodName asks for 1 to 140 characters of text on one line: whoever shows or stores a name gets
// neither control characters nor half a character.
func goodName(s string) bool {
	for _, c := range s {
		if c < ' ' || c >= 0x7f && c < 0xa0 {
			return false
		}
	}
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n > 0 && n <= maxName
}

func goodCountry(c [2]byte) bool { return isLetter(c[0]) && isLetter(c[1]) }

// goodLEI checks the form of ISO 17442, clause 5: 18 letters or digits and two check digits. Those
// are the gateway's to verify.
func goodLEI(s string) bool {
	for i := range len(s) {
		if !isDigit(s[i]) && (i >= 18 || !isLetter(s[i])) {
			return false
		}
	}
	return len(s) == 20 || len(s) == 0
}

func (s *State) admit(by BIC, i *Admit) Outcome {
	switch {
	case by != BIC{}:
		return NotAllowed
	case s.FindParticipant(i.BIC) != None:
		return ParticipantExists
	case i.BIC == BIC{} || !goodName(i.Name) || !goodCountry(i.Country) || !goodLEI(i.LEI) || !GoodKey(i.Key):
		return BadParticipant
	}
	id := PartID(len(s.participants))
	s.participants = append(s.participants, Participant{
		BIC: i.BIC, Name: i.Name, Country: i.Country, LEI: i.LEI, Keys: [][32]byte{i.Key},
		LongestQuote: UsualHold, LongestHold: UsualHold, HoldShare: UsualShare,
	})
	s.byBIC[i.BIC] = id
	s.touched.participant(s, id)
	return Applied
}

func (s *State) setTerms(by BIC, i *SetTerms) Outcome {
	if by == (BIC{}) {
		return NotAllowed
	}
	if i.SetTransferFee && (i.TransferFee < 0 || i.TransferFee > Unit) {
		return BadFee
	}
	id := s.FindParticipant(by)
	p := &s.participants[id]
	set(i.SetTransferFee, &p.TransferFee, i.TransferFee)
	set(i.SetRequireAuthorization, &p.RequireAuthorization, i.RequireAuthorization)
	set(i.SetFrozen, &p.Frozen, i.Frozen)
	set(i.SetRippleDefault, &p.RippleDefault, i.RippleDefault)
	s.touched.participant(s, id)
	return Applied
}

func set[T any](do bool, field *T, value T) {
	if do {
		*field = value
	}
}

func (s *State) setCap(by BIC, i *SetCap) Outcome {
	id := s.FindParticipant(i.Participant)
	switch {
	case by != BIC{}:
		return NotAllowed
	case id == None:
		return UnknownParticipant
	case !s.currencies[i.Currency]:
		return UnknownCurrency
	case i.Cap != NoCap && (i.Cap < 0 || i.Cap > MaxUnits):
		return BadLimit
	}
	purse := s.openPurse(id, i.Currency)
	s.purses[purse].Cap = i.Cap
	s.touched.purse(s, purse)
	return Applied
}

func (s *State) setKey(by BIC, i *SetKey) Outcome {
	id := s.FindParticipant(i.Participant)
	switch {
	case by != BIC{} && by != i.Participant:
		return NotAllowed
	case id == None:
		return UnknownParticipant
	}
	p := &s.participants[id]
	at := slices.Index(p.Keys, i.Key)
	switch {
	case i.Revoke && at < 0:
		return UnknownKey
	case i.Revoke && len(p.Keys) == 1:
		return NotAllowed
	case i.Revoke:
		p.Keys = slices.Delete(slices.Clone(p.Keys), at, at+1) // blocks hold the old list
	case !GoodKey(i.Key):
		return BadParticipant
	case at >= 0:
		return Applied
	case len(p.Keys) == MaxKeys:
		return TooManyKeys
	default:
		p.Keys = append(p.Keys, i.Key)
	}
	s.touched.participant(s, id)
	return Applied
}

// openPurse returns the participant's purse in the currency, opening it when there is none.
func (s *State) openPurse(p PartID, c money.Currency) PurseID {
	if id := s.findPurse(p, c); id != None {
		return id
	}
	id := PurseID(len(s.purses))
	s.purses = append(s.purses, Purse{Participant: p, Currency: c, Cap: NoCap, Own: None})
	s.byPurse[pair(int32(p), int32(c))] = id
	s.participants[p].purses = append(s.participants[p].purses, id)
	s.touched.purse(s, id)
	return id
}

// openAsset returns the participant's asset of the currency, opening it when there is none.
func (s *State) openAsset(issuer PartID, c money.Currency) AssetID {
	purse := s.openPurse(issuer, c)
	if own := s.purses[purse].Own; own != None {
		return s.positions[own].Asset
	}
	id := AssetID(len(s.assets))
	own := s.openPosition(issuer, id, purse)
	s.assets = append(s.assets, Asset{Issuer: issuer, Currency: c, Own: own})
	s.positions[own].Own = true
	s.purses[purse].Own = own
	s.touched.asset(s, id)
	s.touched.position(s, own)
	s.touched.purse(s, purse)
	return id
}

func (s *State) openPosition(holder PartID, asset AssetID, purse PurseID) PosID {
	id := PosID(len(s.positions))
	s.positions = append(s.positions, Position{
		Holder: holder, Asset: asset, Purse: purse, QualityIn: Unit, QualityOut: Unit,
	})
	s.byHolding[pair(int32(holder), int32(asset))] = id
	s.purses[purse].positions = append(s.purses[purse].positions, id)
	return id
}
