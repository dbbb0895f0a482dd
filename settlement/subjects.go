package settlement

// leaderDoors are the doors that are open at the sequencer alone.
func leaderDoors() []string {
	return []string{doorSubmit, doorQuote, doorReceipt, doorStatus, doorCheckpoint}
}

// ClientSubjects returns what a client must be allowed to publish and to subscribe to.
func ClientSubjects() (publish, subscribe []string) {
	publish = []string{subjectWhoLeads, SubjectEncryptionKey, SubjectParcel}
	for _, door := range leaderDoors() {
		publish = append(publish, doorOf("*", door))
	}
	return publish, []string{subjectLeader, subjectProjected, SubjectEncryptionKey, SubjectParcel}
}

// NodeSubjects returns what the node of that name must be allowed to publish and to subscribe to, beside
// answering what it is asked; sequence says that it may be the sequencer.
func NodeSubjects(name string, sequence bool) (publish, subscribe []string) {
	publish = []string{
		subjectVote + "." + token(name), subjectMissing, subjectCertified + ".*", subjectProjected, subjectTraces, subjectWhoLeads, doorOf("*", doorRecord), doorOf("*", doorTip),
	}
	subscribe = []string{
		subjectVote + ".*", subjectMissing, subjectCertified + "." + token(name), subjectLeader, subjectProjected, subjectTraces, doorOf(name, doorRecord), doorOf(name, doorTip),
	}
	if sequence {
		publish = append(publish, subjectLeader)
		subscribe = append(subscribe, subjectWhoLeads)
		for _, door := range leaderDoors() {
			subscribe = append(subscribe, doorOf(name, door))
		}
	}
	return publish, subscribe
}
