-- What became of the events of the events topic: of the epochs given, or of all where none is.
-- metric received: records of the topic that were handled. received = accepted + rejected + duplicates.
CREATE OR REPLACE VIEW {db}.block_totals {on_cluster} AS
SELECT
    sum(received) AS received,
    sum(accepted) AS accepted,
    sum(rejected) AS rejected,
    sum(duplicates) AS duplicates
FROM {db}.block_ledger
WHERE empty({epochs:Array(UInt32)}) OR has({epochs:Array(UInt32)}, _epoch);
