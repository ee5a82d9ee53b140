using Microsoft.Extensions.Logging;

namespace Metering.Client;

internal static partial class ClientLog
{
    [LoggerMessage(4101, LogLevel.Information, "publisher of {Source} started: epoch {Epoch}, {Waiting} events of earlier runs wait in {Folder}")]
    public static partial void Started(ILogger log, string source, long epoch, long waiting, string folder);

    [LoggerMessage(4102, LogLevel.Information, "publisher of {Source} stopped: epoch {Epoch}, {Accepted} accepted, {Waiting} left in the spool for the next start")]
    public static partial void Stopped(ILogger log, string source, long epoch, long accepted, long waiting);

    [LoggerMessage(4103, LogLevel.Warning, "no schema id for {Subject} yet, events wait in the spool: {Reason}")]
    public static partial void NoSchemaId(ILogger log, string subject, string reason);

    [LoggerMessage(4104, LogLevel.Warning, "sending failed, a new producer resends from epoch {Epoch} sequence {Sequence} in {PauseMs} ms: {Reason}")]
    public static partial void Resending(ILogger log, long epoch, long sequence, long pauseMs, string reason);

    [LoggerMessage(4105, LogLevel.Error, "{Events} events of epoch {Epoch} up to sequence {Sequence} waited longer than {Days} days and are not sent (expired)")]
    public static partial void Expired(ILogger log, long events, long epoch, long sequence, double days);

    [LoggerMessage(4106, LogLevel.Warning, "source report of epoch {Epoch} not acknowledged, tried again: {Reason}")]
    public static partial void ReportFailed(ILogger log, long epoch, string reason);

    [LoggerMessage(4107, LogLevel.Debug, "Kafka: {Facility}: {Message}")]
    public static partial void Kafka(ILogger log, string facility, string message);

    [LoggerMessage(4108, LogLevel.Error, "the sender stumbled and goes on")]
    public static partial void SenderStumbled(ILogger log, Exception error);

    [LoggerMessage(4109, LogLevel.Warning, "Kafka: {Reason}")]
    public static partial void KafkaError(ILogger log, string reason);

    [LoggerMessage(4110, LogLevel.Debug, "Kafka: {Reason}")]
    public static partial void KafkaErrorAgain(ILogger log, string reason);

    [LoggerMessage(4111, LogLevel.Warning, "waiting for control at {Where}: {Reason}")]
    public static partial void ControlAway(ILogger log, string where, string reason);

    [LoggerMessage(4112, LogLevel.Error, "reading control has ended")]
    public static partial void ControlEnded(ILogger log, Exception error);

    [LoggerMessage(4113, LogLevel.Warning, "a record of {Topic} with the key {Key} is left out: {Fault}")]
    public static partial void BadControl(ILogger log, string topic, string key, string fault);

    [LoggerMessage(4114, LogLevel.Error, "the record of a request that a former run left open cannot be read and makes no event: {Reason}")]
    public static partial void UnreadableRequest(ILogger log, string reason);

    [LoggerMessage(4115, LogLevel.Warning, "a request for leases was not sent, and is said again: {Reason}")]
    public static partial void LeaseRequestNotSent(ILogger log, string reason);
}
