using System.Diagnostics;
using Metering.Testing;

namespace Metering.Registry.Tests.Service;

/// <summary>The shared folder's list of requests, put to a real registry and to ours: the same status and error code, but for what is listed.</summary>
public sealed class ProbeTests
{
    private const string NotServed = "not served yet: ";
    private const string AsConfluent = "ours does as Confluent documents: ";

    // What the request is called there → what ours answers, and why.
    private static readonly Dictionary<string, (string Answer, string Why)> Differences = new(StringComparer.Ordinal)
    {
        ["delete, no such subject"] = ("405/405", NotServed + "deletes"),
        ["compat all, no such subject"] = ("200/-", AsConfluent + "a subject that is new takes anything"),
        ["version 0"] = ("422/42202", AsConfluent + "42202"),
        ["version abc"] = ("422/42202", AsConfluent + "42202"),
        ["register, empty schema"] = ("422/42201", AsConfluent + "an empty schema is none"),
        ["register, body {}"] = ("422/42201", AsConfluent + "an empty schema is none"),
        ["register, body not JSON"] = ("400/400", AsConfluent + "the error is JSON too"),
        ["register, unknown schemaType"] = ("422/42201", AsConfluent + "42201, not a failure"),
        ["register with reference"] = ("422/42201", NotServed + "references"),
        ["schema by id with references"] = ("404/404", NotServed + "references"),
        ["referenced by"] = ("404/404", NotServed + "references"),
        ["delete version 1 while referenced"] = ("405/405", NotServed + "deletes"),
        ["config subject, none set"] = ("404/40408", AsConfluent + "40408"),
        ["mode := READONLY"] = ("405/405", NotServed + "modes other than READWRITE"),
        ["mode := READWRITE"] = ("405/405", NotServed + "modes other than READWRITE"),
        ["mode := nonsense"] = ("405/405", NotServed + "modes other than READWRITE"),
        ["mode subject, none set"] = ("404/404", NotServed + "modes other than READWRITE"),
        ["mode subject := READONLY"] = ("404/404", NotServed + "modes other than READWRITE"),
        ["delete mode subject"] = ("404/404", NotServed + "modes other than READWRITE"),
        ["mode subject := IMPORT"] = ("404/404", NotServed + "modes other than READWRITE"),
        ["delete mode subject (2)"] = ("404/404", NotServed + "modes other than READWRITE"),
        ["all schemas, prefix"] = ("404/404", NotServed + "the list of all schemas"),
        ["contexts"] = ("404/404", NotServed + "contexts"),
        ["delete version 99, not there"] = ("405/405", NotServed + "deletes"),
        ["delete version 3 permanently, not soft first"] = ("405/405", NotServed + "deletes"),
        ["delete version 3"] = ("405/405", NotServed + "deletes"),
        ["delete version 3 again"] = ("405/405", NotServed + "deletes"),
        ["delete version 3 permanently"] = ("405/405", NotServed + "deletes"),
        ["delete ref subject"] = ("405/405", NotServed + "deletes"),
        ["delete ref subject permanently"] = ("405/405", NotServed + "deletes"),
        ["delete 2nd subject permanently, not soft first"] = ("405/405", NotServed + "deletes"),
        ["delete subject"] = ("405/405", NotServed + "deletes"),
        ["delete subject again"] = ("405/405", NotServed + "deletes"),
        ["delete subject (2)"] = ("405/405", NotServed + "deletes"),
        ["delete subject permanently"] = ("405/405", NotServed + "deletes"),
        ["delete subject permanently again"] = ("405/405", NotServed + "deletes"),
        ["version 3, deleted"] = ("200/-", NotServed + "deletes"),
        ["versions, deleted subject"] = ("200/-", NotServed + "deletes"),
        ["latest, deleted subject"] = ("200/-", NotServed + "deletes"),
        ["lookup, deleted subject"] = ("200/-", NotServed + "deletes"),
        ["versions, gone"] = ("200/-", NotServed + "deletes"),
        ["register Protobuf"] = ("422/42201", NotServed + "Protobuf and JSON Schema"),
        ["no such path"] = ("404/404", AsConfluent + "an unknown path has the API's error body"),
    };

    private const string Unanswered = "000/-";

    [Fact]
    public async Task Probe_answers_equal_a_real_registrys_but_for_what_is_known_and_why()
    {
        Assert.SkipWhen(SharedFolder.TryPath("registry/probe") is null, RegistryFixture.SkipReason);
        await using var real = await RegistryFixture.TryStartAsync(TestContext.Current.CancellationToken);
        Assert.SkipWhen(real is null, RegistryFixture.SkipReason);
        await using var ours = await RunningRegistry.StartAsync();

        var expected = await ProbeAsync(real.Url);
        if (expected.Exists(line => line.Answer == Unanswered))
        {
            // The real one forgets to answer now and then (RegistryFixture); the probe gives up after 20 s. A new one, since what it holds is part of the answers.
            await using var another = await RegistryFixture.TryStartAsync(TestContext.Current.CancellationToken);
            expected = await ProbeAsync(another!.Url);
        }
        var actual = await ProbeAsync(ours.Url);

        Assert.Equal(expected.Select(line => line.What), actual.Select(line => line.What));
        var surprises = expected.Zip(actual)
            .Where(pair => pair.Second.Answer != (Differences.TryGetValue(pair.First.What, out var known) ? known.Answer : pair.First.Answer))
            .Select(pair => $"{pair.First.What}: real {pair.First.Answer}, ours {pair.Second.Answer}");
        Assert.Empty(surprises);
        TestContext.Current.TestOutputHelper?.WriteLine(
            $"{expected.Count} requests: {expected.Count - Differences.Count} answered alike, {Differences.Values.Count(d => d.Why.StartsWith(NotServed, StringComparison.Ordinal))} not served yet, " +
            $"{Differences.Values.Count(d => d.Why.StartsWith(AsConfluent, StringComparison.Ordinal))} answered as Confluent's registry does");
    }

    private static async Task<List<(string What, string Answer)>> ProbeAsync(Uri url)
    {
        var start = new ProcessStartInfo("bash", [SharedFolder.TryPath("registry/probe")!, url.ToString(), "p"]) { UseShellExecute = false, RedirectStandardOutput = true };
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return [.. output.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split(" | ")).Select(parts => (parts[1], $"{parts[2]}/{parts[3]}"))];
    }
}
