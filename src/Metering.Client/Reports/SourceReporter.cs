using System.Globalization;
using System.Text;
using Metering.Client.Sending;
using Metering.Client.Spool;
using Metering.Events;
using Microsoft.Extensions.Logging;

namespace Metering.Client.Reports;

/// <summary>
/// Publishes what each epoch of this source accepted and what was acknowledged (R6): absolute values, whenever they have
/// changed, and a last time with closed=true once an epoch's events are all settled. One task.
/// </summary>
internal sealed class SourceReporter(
    string source, EventSpool spool, EventSender sender, SchemaIds ids, TimeSpan interval, TimeProvider clock, ILogger log)
{
    // The transport may be replaced while a report is on its way: then nobody answers any more.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10);
    private readonly Dictionary<long, EpochAccount.Figures> _sent = [];
    private readonly ulong _schema = PayloadSchemas.Fingerprint(SourceReport.SchemaJson);

    public async Task RunAsync(CancellationToken stop)
    {
        using var timer = new PeriodicTimer(interval, clock);
        try
        {
            while (await timer.WaitForNextTickAsync(stop))
                await ReportAsync(stop);
        }
        catch (OperationCanceledException) when (stop.IsCancellationRequested)
        {
            // The publisher closes: it sends the last reports itself.
        }
    }

    /// <summary>Sends what has changed. False when something could not be sent; it is tried at the next call.</summary>
    public async Task<bool> ReportAsync(CancellationToken cancellation)
    {
        var all = true;
        foreach (var account in spool.Book.Accounts)
        {
            if (account != spool.Account && sender.FormerRunsSettled)
                account.Close();
            var figures = account.Read();
            if (_sent.TryGetValue(figures.Epoch, out var before) && before == figures)
                continue;
            // An epoch in which nothing happened has nothing to say.
            var told = figures.LastSequence == 0 || await TrySendAsync(figures, cancellation);
            if (told)
                _sent[figures.Epoch] = figures;
            if (told && figures.Closed)
                Forget(account);
            all &= told;
        }
        return all;
    }

    private void Forget(EpochAccount account)
    {
        spool.Book.Forget(account);
        spool.Book.Save();
        _sent.Remove(account.Epoch);
    }

    private async Task<bool> TrySendAsync(EpochAccount.Figures figures, CancellationToken cancellation)
    {
        if (sender.Transport is not { } transport || !ids.TryGet(_schema, out var schemaId))
            return false;
        var key = Encoding.UTF8.GetBytes(string.Create(CultureInfo.InvariantCulture, $"{source}/{figures.Epoch}"));
        using var value = new PooledBuffer();
        WireFormat.Write(value, schemaId, ToReport(figures));
        try
        {
            await transport.SendReportAsync(key, value.WrittenSpan.ToArray()).WaitAsync(Patience, clock, cancellation);
            return true;
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            // Reports are absolute: the next one tells the same and more.
            ClientLog.ReportFailed(log, figures.Epoch, e.Message);
            return false;
        }
    }

    private SourceReport ToReport(in EpochAccount.Figures figures) => new()
    {
        Source = source,
        Epoch = figures.Epoch,
        ReportedAtMicros = (clock.GetUtcNow() - DateTimeOffset.UnixEpoch).Ticks / TimeSpan.TicksPerMicrosecond,
        LastSequence = figures.LastSequence,
        AcknowledgedSequence = figures.SettledSequence,
        Acknowledged = figures.Acknowledged,
        InputTokens = figures.InputTokens,
        OutputTokens = figures.OutputTokens,
        Spooled = figures.Spooled,
        Expired = figures.Expired,
        Closed = figures.Closed,
    };
}
