using Microsoft.Extensions.Logging;

namespace Metering.LocalBroker.Groups;

/// <summary>The log lines of groups: event ids 7200 to 7249.</summary>
internal static partial class GroupLog
{
    [LoggerMessage(7200, LogLevel.Debug, "Group {Group}: generation {Generation} of {Members} members, leader {Leader}")]
    public static partial void Generation(ILogger logger, string group, int generation, int members, string leader);

    [LoggerMessage(7201, LogLevel.Debug, "Group {Group}: rebalance, {Reason}")]
    public static partial void Rebalance(ILogger logger, string group, string reason);

    [LoggerMessage(7202, LogLevel.Information, "Group {Group}: member {Member} removed, {Reason}")]
    public static partial void MemberRemoved(ILogger logger, string group, string member, string reason);

    [LoggerMessage(7203, LogLevel.Information, "Group {Group}: instance {Instance} is now member {Member}; {Old} is fenced")]
    public static partial void InstanceReplaced(ILogger logger, string group, string instance, string member, string old);

    [LoggerMessage(7204, LogLevel.Warning, "What was due could not be journaled; the state is recovered from the disk")]
    public static partial void DeadlineFailed(ILogger logger, Exception error);
}
