using System.Globalization;
using Metering.ClickHouse.Ledger;

namespace Metering.ClickHouse.Migrations;

/// <summary>
/// One process of several: a table whose creation only one of them wins. A lock older than a minute belongs to a dead
/// process and is taken over; so what is done under it must bear to be done twice.
/// </summary>
internal sealed class LedgerLock(ILedger ledger, TimeProvider time)
{
    private const int TableAlreadyExists = 57;
    private static readonly TimeSpan StaleAfter = TimeSpan.FromMinutes(1);
    private static readonly TimeSpan TryAgainAfter = TimeSpan.FromMilliseconds(250);

    public async Task<T> HoldAsync<T>(Func<Task<T>> action, CancellationToken cancellationToken)
    {
        await TakeAsync(cancellationToken);
        try
        {
            return await action();
        }
        finally
        {
            await ledger.ExecuteAsync("DROP TABLE IF EXISTS metering.migration_lock", CancellationToken.None);
        }
    }

    private async Task TakeAsync(CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await ledger.ExecuteAsync("CREATE TABLE metering.migration_lock (at DateTime64(3, 'UTC')) ENGINE = MergeTree ORDER BY at", cancellationToken);
                return;
            }
            catch (LedgerException error) when (error.Code == TableAlreadyExists)
            {
                var age = await ledger.RowsAsync("SELECT dateDiff('second', metadata_modification_time, now()) FROM system.tables WHERE database = 'metering' AND name = 'migration_lock'", cancellationToken);
                if (age.Count == 1 && long.Parse(age[0][0], CultureInfo.InvariantCulture) > StaleAfter.TotalSeconds)
                    await ledger.ExecuteAsync("DROP TABLE IF EXISTS metering.migration_lock", cancellationToken);
                else
                    await Task.Delay(TryAgainAfter, time, cancellationToken);
            }
        }
    }
}
