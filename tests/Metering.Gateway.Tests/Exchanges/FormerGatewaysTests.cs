using Metering.Gateway.Exchanges;
using Microsoft.Extensions.Logging.Abstractions;

namespace Metering.Gateway.Tests.Exchanges;

public sealed class FormerGatewaysTests : IDisposable
{
    private readonly DirectoryInfo _folder = Directory.CreateTempSubdirectory("former-gateways-");

    public void Dispose() => _folder.Delete(recursive: true);

    private FormerGateways Open(string instance, bool isIntact = true) => FormerGateways.Open(_folder.FullName, instance, isIntact, NullLogger.Instance);

    [Fact]
    public void Those_before_are_told_of_one_after_the_other_once_the_journal_is_recovered_R29()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "skipped: only Linux tells whether the machine has started anew");
        var first = Open("i1");
        first.Recovered();
        Assert.Null(first.Next);
        Open("i2");
        var third = Open("i3");
        Assert.Null(third.Next); // not before the journal is recovered
        third.Recovered();
        Assert.Equal("i1", third.Next);
        third.Told("i1");
        Assert.Equal("i2", third.Next);

        var fourth = Open("i4"); // the third died before an event told of the second
        fourth.Recovered();
        fourth.Told("i2");
        fourth.Told("i3");
        fourth.Told("i3");
        Assert.Null(fourth.Next);
    }

    [Fact]
    public void A_journal_that_is_damaged_or_from_before_the_machines_start_proves_nothing_R29()
    {
        Assert.SkipUnless(OperatingSystem.IsLinux(), "skipped: only Linux tells whether the machine has started anew");
        Open("i1");
        var second = Open("i2", isIntact: false);
        second.Recovered();
        Assert.Null(second.Next);
        File.WriteAllText(Path.Combine(_folder.FullName, "gateways"), "i8 another-boot\nnonsense\n");
        var third = Open("i3");
        third.Recovered();
        Assert.Null(third.Next);
    }
}
