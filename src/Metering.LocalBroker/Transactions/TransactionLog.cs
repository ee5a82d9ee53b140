using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Transactions;

/// <summary>The log lines of transactions: event ids 7250 to 7299.</summary>
internal static partial class TransactionLog
{
    [LoggerMessage(7250, LogLevel.Debug, "Transactional id {TransactionalId}: producer {ProducerId} epoch {Epoch}")]
    public static partial void Initialized(ILogger logger, string transactionalId, long producerId, short epoch);

    [LoggerMessage(7251, LogLevel.Warning, "Transactional id {TransactionalId}: aborted after {TimeoutMs} ms, its producer {ProducerId} epoch {Epoch} is fenced")]
    public static partial void TimedOut(ILogger logger, string transactionalId, int timeoutMs, long producerId, short epoch);

    [LoggerMessage(7252, LogLevel.Information, "Transactional id {TransactionalId}: a new producer took over, the transaction of producer {ProducerId} epoch {Epoch} is aborted")]
    public static partial void TakenOver(ILogger logger, string transactionalId, long producerId, short epoch);

    [LoggerMessage(7253, LogLevel.Information, "Transactional id {TransactionalId}: producer {ProducerId} epoch {Epoch} is fenced")]
    public static partial void Fenced(ILogger logger, string transactionalId, long producerId, short epoch);

    [LoggerMessage(7254, LogLevel.Information, "{Count} transactional ids unused for 7 days are forgotten")]
    public static partial void Forgotten(ILogger logger, int count);
}
