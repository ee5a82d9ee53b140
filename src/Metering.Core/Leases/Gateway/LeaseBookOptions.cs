namespace Metering.Core.Leases.Gateway;

/// <summary>Times of the gateway's side, by its monotonic clock.</summary>
public sealed record LeaseBookOptions
{
    /// <summary>R30. Without a heartbeat of an account's governor for that long, control is lost. Default 3 s.</summary>
    public TimeSpan ControlLostAfter { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>For how long the unreserved part in hand should last. Above the time from a request to its grant; default 1 s.</summary>
    public TimeSpan Ahead { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>What nobody has asked for that long is returned. Default 10 s.</summary>
    public TimeSpan IdleAfter { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>Between two requests of an account at least. Default 10 ms.</summary>
    public TimeSpan RequestSpacing { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>A request for something is repeated that often until it is met. Below the governor's <c>MustLife</c>; default 100 ms.</summary>
    public TimeSpan RepeatAfter { get; init; } = TimeSpan.FromMilliseconds(100);

    /// <summary>What has been spent and returned is reported that often, and repeated until it is settled. Below the governor's
    /// <c>WantLife</c>; default 500 ms.</summary>
    public TimeSpan ReportAfter { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>How long a refusal stands, at most until its window ends; then one may wait again. Default 1 s.</summary>
    public TimeSpan RefusalHolds { get; init; } = TimeSpan.FromSeconds(1);

    /// <summary>How long before its window ends the next one's lease is asked for. Default 5 s, at most half of the window.</summary>
    public TimeSpan NextWindowLead { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>Requests that may wait for one account at a time; more are refused. Default 1,000.</summary>
    public int MaxWaiters { get; init; } = 1_000;
}
