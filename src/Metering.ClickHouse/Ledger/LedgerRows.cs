using System.Text;

namespace Metering.ClickHouse.Ledger;

/// <summary>Small results as text, for the ledger's own bookkeeping.</summary>
public static class LedgerRows
{
    /// <summary>The rows of a query as unescaped tab-separated fields.</summary>
    public static async Task<IReadOnlyList<string[]>> RowsAsync(this ILedger ledger, string sql, CancellationToken cancellationToken = default)
    {
        using var output = new MemoryStream();
        await ledger.QueryAsync(sql, "TSVRaw", output, cancellationToken);
        var text = Encoding.UTF8.GetString(output.GetBuffer(), 0, (int)output.Length);
        return [.. text.Split('\n').SkipLast(1).Select(line => line.Split('\t'))];
    }
}
