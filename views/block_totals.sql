-- What became of the events of one epoch of the events topic: received = accepted + rejected + duplicates.
CREATE OR REPLACE VIEW {db}.block_totals {on_cluster} AS
SELECT
    sum(received) AS received,
    sum(accepted) AS accepted,
    sum(rejected) AS rejected,
    sum(duplicates) AS duplicates
FROM {db}.block_ledger
WHERE _epoch = {epoch:UInt32};
