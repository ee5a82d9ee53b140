namespace Metering.Core.Leases.Governor;

/// <summary>Times of the governor's side: by its now, but for <see cref="WantLife"/> and <see cref="MustLife"/>, which go by the clock that is passed to it.</summary>
public sealed record LeaseGovernorOptions
{
    /// <summary>How long a lease admits at most; never beyond its window. A gateway that is cut off goes on that long with what
    /// it has in hand (<c>hold</c>). Default 5 min, 1 s or more.</summary>
    public TimeSpan LeaseTtl { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>How far ahead safe shares are set aside, renewed at half of it. A gateway that is gone ties its share up that
    /// long. Default 20 min, 1 min or more.</summary>
    public TimeSpan SafeShareTtl { get; init; } = TimeSpan.FromMinutes(20);

    /// <summary>How long a lease that has expired, or whose window is over, waits for its report before it is written off as
    /// spent: longer than any request. Default 1 h.</summary>
    public TimeSpan WriteOffAfter { get; init; } = TimeSpan.FromHours(1);

    /// <summary>How long before a window opens its first leases are granted. Default 5 s; below a tenth of <see cref="SafeShareTtl"/>, and at most half of the window counts.</summary>
    public TimeSpan NextWindowLead { get; init; } = TimeSpan.FromSeconds(5);

    /// <summary>What a gateway wanted counts that long after it said so. Above its report interval; default 3 s.</summary>
    public TimeSpan WantLife { get; init; } = TimeSpan.FromSeconds(3);

    /// <summary>What a gateway's requests wait for counts that long, and a recalled lease is waited for that long, lest one
    /// that is dead stops the others. Above its repeat interval; default 500 ms.</summary>
    public TimeSpan MustLife { get; init; } = TimeSpan.FromMilliseconds(500);

    /// <summary>Leases of one gateway in one window at a time: bounds memory and reports. Default 256.</summary>
    public int MaxLeases { get; init; } = 256;
}
