using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Tests.Migrations;

/// <summary>A ledger that is gone after so many statements, as for a process that is killed between two.</summary>
internal sealed class FailingLedger(ILedger inner, int statements) : ILedger
{
    private int _left = statements;

    public string Description => inner.Description;

    public Task ExecuteAsync(string sql, CancellationToken cancellationToken = default)
    {
        Spend();
        return inner.ExecuteAsync(sql, cancellationToken);
    }

    public Task QueryAsync(string sql, string format, Stream output, CancellationToken cancellationToken = default)
    {
        if (_left <= 0)
            throw Gone();
        return inner.QueryAsync(sql, format, output, cancellationToken);
    }

    public Task<long> InsertAsync(LedgerInsert insert, CancellationToken cancellationToken = default)
    {
        Spend();
        return inner.InsertAsync(insert, cancellationToken);
    }

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    private void Spend()
    {
        if (_left-- <= 0)
            throw Gone();
    }

    private static LedgerException Gone() => new("the ledger is gone", 0, isTransient: true);
}
