package natsjournal

// Subjects returns what a NATS user must be allowed to publish to read the journal, and to make and
// write it when write is set.
func Subjects(write bool) []string {
	all := []string{
		"$JS.API.STREAM.INFO." + StreamName,
		"$JS.API.CONSUMER.CREATE." + StreamName + ".>",
		"$JS.API.CONSUMER.INFO." + StreamName + ".>",
		"$JS.API.CONSUMER.MSG.NEXT." + StreamName + ".>",
		"$JS.API.CONSUMER.DELETE." + StreamName + ".>",
	}
	if write {
		all = append(all, Subject, "$JS.API.STREAM.CREATE."+StreamName)
	}
	return all
}
