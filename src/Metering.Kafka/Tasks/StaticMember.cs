using Confluent.Kafka;
using Metering.Kafka.Topics;
using Microsoft.Extensions.Logging;

namespace Metering.Kafka.Tasks;

/// <summary>
/// What a static member does when its group has fenced it. Either another process bears its name, and this one must stop; or the
/// other is its own ghost: a coordinator took its request to join, gave it a new identity, and died before it could say so. A ghost
/// sends no heartbeats, so the group drops it when its session is over; a live twin stays. While it runs, it also looks whether the
/// group has left a partition without an owner, which a static member's return may do.
/// </summary>
public static partial class StaticMember
{
    private static readonly TimeSpan LookEvery = TimeSpan.FromMilliseconds(500);

    // Who may not look takes the other for a twin.
    private const string NotTold = "?";

    // A busy coordinator drops who is silent a little later than it could; one that reads its log again meanwhile, a session later.
    private static readonly TimeSpan Margin = TimeSpan.FromSeconds(3);

    /// <summary>Runs a member, and again each time that a ghost of its own has fenced it. Ends when the run or <paramref name="stop"/> does.</summary>
    /// <param name="settings">Whose group instance is the member's name.</param>
    /// <param name="group">With the prefix.</param>
    /// <param name="topic">What the group shares, with the prefix.</param>
    /// <param name="elsewhere">Another topic, with the prefix.</param>
    /// <param name="run">One life of the member, with a consumer of its own.</param>
    /// <param name="logger">Told of each new life.</param>
    /// <param name="time">What waiting is measured by.</param>
    /// <param name="stop">Of the whole stage.</param>
    /// <exception cref="FencedMemberException">Another process bears the name.</exception>
    public static async Task RunAsync(KafkaSettings settings, string group, string topic, string elsewhere, Func<Task> run, ILogger logger, TimeProvider time, CancellationToken stop)
    {
        using var watching = CancellationTokenSource.CreateLinkedTokenSource(stop);
        var watch = settings.GroupInstance is null ? Task.CompletedTask : new OwnerWatch(settings, group, topic, elsewhere, logger, time).RunAsync(watching.Token);
        try
        {
            await RunLivesAsync(settings, group, run, logger, time, stop);
        }
        finally
        {
            await watching.CancelAsync();
            await watch;
        }
    }

    private static async Task RunLivesAsync(KafkaSettings settings, string group, Func<Task> run, ILogger logger, TimeProvider time, CancellationToken stop)
    {
        while (true)
        {
            try
            {
                await run();
                return;
            }
            catch (FencedMemberException) when (stop.IsCancellationRequested)
            {
                return;
            }
            catch (FencedMemberException)
            {
                LogFenced(logger, settings.GroupInstance, group);
                if (!await IsGhostAsync(settings, group, time, stop))
                    throw;
                if (stop.IsCancellationRequested)
                    return;
                LogJoinsAgain(logger, settings.GroupInstance, group);
            }
        }
    }

    private static async Task<bool> IsGhostAsync(KafkaSettings settings, string group, TimeProvider time, CancellationToken stop)
    {
        using var admin = new AdminClientBuilder(settings.Admin()).SetLogHandler(static (_, _) => { }).Build();
        var (known, since) = (default(string), time.GetTimestamp());
        var started = since;
        while (!stop.IsCancellationRequested)
        {
            var now = time.GetTimestamp();
            // A coordinator that has not begun does not know the group either.
            var member = await LookAsync(admin, settings.GroupInstance!, group, isUnknownGone: time.GetElapsedTime(started) > settings.SessionTimeout);
            if (member is "")
                return true;
            if (member is null)
                since = now; // a coordinator that begins anew gives every member a whole session
            else if (known is null)
                (known, since) = (member, now);
            else if (member != known)
                return false; // it has joined meanwhile
            if (known is not null && time.GetElapsedTime(since) > (2 * settings.SessionTimeout) + Margin)
                return false;
            await Task.Delay(LookEvery, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        return true;
    }

    /// <summary>The id of the member that bears the name; empty = none does; null = the coordinator did not say.</summary>
    private static async Task<string?> LookAsync(IAdminClient admin, string instance, string group, bool isUnknownGone)
    {
        try
        {
            if (await GroupLook.AskAsync(admin, group) is { } found)
                return found.Members.Find(member => GroupLook.IsNamed(member.MemberId, instance))?.MemberId ?? "";
            return isUnknownGone ? "" : null;
        }
        catch (KafkaException e)
        {
            return BrokerWait.IsAway(e) ? null : NotTold;
        }
    }

    [LoggerMessage(2226, LogLevel.Warning, "member {Member} of group {Group} was fenced: waiting for a session to learn whether another process bears its name")]
    private static partial void LogFenced(ILogger logger, string? member, string group);

    [LoggerMessage(2227, LogLevel.Information, "member {Member} of group {Group}: no other process bears its name, it joins again")]
    private static partial void LogJoinsAgain(ILogger logger, string? member, string group);
}
